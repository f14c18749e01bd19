// The rows, for the comparison: the same way from Postgres and from PGlite.
import { Hono } from "hono";
import { db } from "ponder:api";
import { owners } from "ponder:schema";

const app = new Hono();

app.get("/owners", async (context) => {
  const rows = await db
    .select({
      token: owners.tokenId,
      owner: owners.owner,
      from_block: owners.fromBlock,
      from_log: owners.fromLog,
      to_block: owners.toBlock,
      to_log: owners.toLog,
      from_s: owners.effectiveFrom,
      to_s: owners.effectiveTo,
    })
    .from(owners);
  const plain = (_: string, value: unknown) => (typeof value === "bigint" ? Number(value) : value);
  return context.body(JSON.stringify(rows, plain));
});

export default app;
