// Ponder at its best: its limiter starts at 20 requests a second for each URL, so the one node is
// listed many times, and logs are asked for in one range. The database is Postgres or PGlite.
import { createConfig } from "ponder";
import { botIdentity } from "./src/abi";

const { CHAIN_URL, CHAIN_LAST, BOTS, POOL } = process.env;
const TIMES = 100;

export default createConfig({
  database: POOL
    ? { kind: "postgres", connectionString: POOL }
    : { kind: "pglite", directory: process.env.PGLITE! },
  chains: {
    anvil: {
      id: 31337,
      rpc: Array(TIMES).fill(CHAIN_URL!),
      ethGetLogsBlockRange: 1_000_000,
    },
  },
  contracts: {
    BotIdentity: {
      chain: "anvil",
      abi: botIdentity,
      address: BOTS as `0x${string}`,
      startBlock: 0,
      endBlock: Number(CHAIN_LAST),
    },
  },
});
