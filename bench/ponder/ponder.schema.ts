// The owners' history as Agon keeps it, keyed by the token and where a row begins.
import { index, onchainTable, primaryKey } from "ponder";

export const bots = onchainTable("bots", (t) => ({
  tokenId: t.bigint().primaryKey(),
  owner: t.hex(),
  fromBlock: t.bigint().notNull(),
  fromLog: t.integer().notNull(),
}));

export const owners = onchainTable(
  "owners",
  (t) => ({
    tokenId: t.bigint().notNull(),
    owner: t.hex().notNull(),
    fromBlock: t.bigint().notNull(),
    fromLog: t.integer().notNull(),
    toBlock: t.bigint(),
    toLog: t.integer(),
    effectiveFrom: t.bigint().notNull(),
    effectiveTo: t.bigint(),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.tokenId, table.fromBlock, table.fromLog] }),
    byOwner: index().on(table.owner),
  }),
);
