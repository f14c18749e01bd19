"""The scripts that Redis runs, each whole or not at all.

KEYS: the mark, the slots, and of the last two a caller's cooldowns. Redis's clock is the only one
that is read here, beside the instants of Postgres that were brought along.
"""

_LATEST = """
local function latest_ms(at_ms, looked_ms)
  -- Postgres was asked after Redis's clock was read, so its clock shows no more by now. 2: what was
  -- rounded down.
  local t = redis.call('TIME')
  return at_ms + t[1] * 1000 + math.floor(t[2] / 1000) - looked_ms + 2
end
"""
_WRITE = """
local function write(index, seq, slot)
  -- Whoever comes late with an older holder changes nothing.
  if tonumber(seq) > tonumber(redis.call('HGET', KEYS[1], index) or -1) then
    redis.call('HSET', KEYS[1], index, seq)
    redis.call('HSET', KEYS[2], index, slot)
  end
end
"""

LOOK = """
local t = redis.call('TIME')
local count = redis.call('HGET', KEYS[1], 'count')
-- Redis may have had to make room with one of the two.
if count and tonumber(count) ~= redis.call('HLEN', KEYS[2]) then
  redis.call('DEL', KEYS[1], KEYS[2])
end
return {t[1] * 1000 + math.floor(t[2] / 1000), redis.call('HGETALL', KEYS[1])}
"""
"""-> [ms of Redis's clock, the mark's fields and values]"""

PUT = (
    _WRITE
    + """
local known, new, looked_ms, at_ms, clock, freeze_ms, hold_ms, count, fresh_ms = unpack(ARGV, 1, 9)
local found = redis.call('HGET', KEYS[1], 'generation') or ''
if found ~= known then return 0 end
if found == '' then
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'generation', new, 'freeze_ms', freeze_ms, 'hold_ms', hold_ms,
    'count', count, 'looked_ms', 0)
end
for i = 10, #ARGV, 3 do write(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
if tonumber(looked_ms) > tonumber(redis.call('HGET', KEYS[1], 'looked_ms')) then
  redis.call('HSET', KEYS[1], 'looked_ms', looked_ms, 'at_ms', at_ms, 'clock', clock)
  redis.call('PEXPIREAT', KEYS[1], looked_ms + fresh_ms)
  redis.call('PEXPIREAT', KEYS[2], looked_ms + fresh_ms)
end
return 1
"""
)
"""ARGV: the generation that was seen ('' for none) and the one to begin, when it was looked at by
Redis's clock, Postgres's instant, 1 if its clock is true, when the day freezes, the minimum hold,
the number of slots, how long a look counts (ms each), then index, seq and JSON of each slot.
-> 1; 0 where it is another generation"""

FORGET = """
if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1], KEYS[2])
"""

READ = """
local mark = redis.call('HMGET', KEYS[1], 'count', 'at_ms')
if not mark[1] or tonumber(mark[1]) ~= redis.call('HLEN', KEYS[2]) then return false end
return {tonumber(mark[2]), '[' .. table.concat(redis.call('HVALS', KEYS[2]), ',') .. ']'}
"""
"""-> [Postgres's instant, the slots as one JSON]; nil where there is no whole board"""

NOTE = (
    _LATEST
    + _WRITE
    + """
local mark = redis.call('HMGET', KEYS[1], 'generation', 'at_ms', 'looked_ms', 'clock')
if not mark[1] then return 0 end
local latest = latest_ms(mark[2], mark[3])
local function cool(key, index, bot_ms, slot_ms)
  local left_ms = math.max(bot_ms, slot_ms) - latest
  if mark[4] ~= '1' or left_ms <= 0 then return end
  if redis.call('HGET', key, 'generation') ~= mark[1] then
    redis.call('DEL', key)
    redis.call('HSET', key, 'generation', mark[1])
  end
  for field, ms in pairs({bot = bot_ms, [index] = slot_ms}) do
    if tonumber(ms) > tonumber(redis.call('HGET', key, field) or 0) then
      redis.call('HSET', key, field, ms)
    end
  end
  redis.call('PEXPIRE', key, math.max(left_ms, redis.call('PTTL', key)))
end
for n = 3, #KEYS do
  local index, seq, slot, bot_ms, slot_ms = unpack(ARGV, 5 * n - 14, 5 * n - 10)
  write(index, seq, slot)
  cool(KEYS[n], index, bot_ms, slot_ms)
end
return 1
"""
)
"""KEYS: of each answer its cooldowns; ARGV: of each index, seq and JSON of the slot, and until when
the bot may claim no slot, and not this one, in ms since 1970, 0 if it may."""

COOLING = (
    _LATEST
    + """
local mark = redis.call('HMGET', KEYS[1],
  'generation', 'at_ms', 'looked_ms', 'clock', 'freeze_ms', 'hold_ms')
if not mark[1] or mark[4] ~= '1' then return false end
local told = redis.call('HMGET', KEYS[3], 'generation', 'bot', ARGV[1])
if told[1] ~= mark[1] then return false end
local latest = latest_ms(mark[2], mark[3])
local slot = redis.call('HGET', KEYS[2], ARGV[1])
if latest >= tonumber(mark[5]) or not slot then return false end
return {latest, tonumber(told[2] or 0), tonumber(told[3] or 0), tonumber(mark[6]), slot}
"""
)
"""ARGV: the slot's index. -> what `board.refusal` takes; nil where it is not sure"""
