// Builds a bracket of so many entrants and plays it out, slot 1 always winning. One line of JSON.
import { BracketsManager } from "brackets-manager";
import { InMemoryDatabase } from "brackets-memory-db";

const READY = 2;
const [kind, entrants] = [process.argv[2], Number(process.argv[3])];
const storage = new InMemoryDatabase();
const manager = new BracketsManager(storage);
const seeding = Array.from({ length: entrants }, (_, number) => `e${number + 1}`);
const begun = process.hrtime.bigint();
await manager.create.stage({
  tournamentId: 0,
  name: "bench",
  type: kind,
  seeding,
  settings: kind === "double_elimination" ? { grandFinal: "simple" } : {},
});
const built = process.hrtime.bigint();
let played = 0;
// Rounds stand in the order in which they can be played.
for (const { id } of [...storage.data.match]) {
  if (storage.data.match[id].status !== READY) continue;
  await manager.update.match({ id, opponent1: { score: 1, result: "win" }, opponent2: { score: 0 } });
  played += 1;
}
const ended = process.hrtime.bigint();
const final = storage.data.match.filter((match) => match.opponent1?.result === "win").at(-1);
const champion = storage.data.participant.find(({ id }) => id === final.opponent1.id).name;
const seconds = (from, to) => Number(to - from) / 1e9;
console.log(JSON.stringify({
  build_s: seconds(begun, built), play_s: seconds(built, ended), played, champion,
}));
