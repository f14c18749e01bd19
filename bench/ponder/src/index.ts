// A transfer closes the row of who owned the bot and opens the next; one to oneself changes nothing.
import { ponder } from "ponder:registry";
import { bots, owners } from "ponder:schema";
import { zeroAddress } from "viem";

ponder.on("BotIdentity:Transfer", async ({ event, context }) => {
  const { to, tokenId } = event.args;
  const at = { block: event.block.number, log: event.log.logIndex, time: event.block.timestamp };
  const next = to === zeroAddress ? null : to;
  const bot = await context.db.find(bots, { tokenId });
  if ((bot?.owner ?? null) === next) return;
  if (bot?.owner) {
    await context.db
      .update(owners, { tokenId, fromBlock: bot.fromBlock, fromLog: bot.fromLog })
      .set({ toBlock: at.block, toLog: at.log, effectiveTo: at.time });
  }
  const standing = { owner: next, fromBlock: at.block, fromLog: at.log };
  if (bot) await context.db.update(bots, { tokenId }).set(standing);
  else await context.db.insert(bots).values({ tokenId, ...standing });
  if (next) {
    await context.db.insert(owners).values({
      tokenId,
      owner: next,
      fromBlock: at.block,
      fromLog: at.log,
      effectiveFrom: at.time,
    });
  }
});
