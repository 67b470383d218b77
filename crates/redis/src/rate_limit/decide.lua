-- Decides any number of asks at once, by this server's clock, in whole microseconds.
-- KEYS: one for each ask. ARGV: four for each: interval, burst, what to take, units.
-- Replies for each ask with the units granted, and the microseconds until the key has a full burst; with -1 and 0 if the
-- key holds something else, which is left as it is.

-- As digits, because a large number would else be written with an exponent.
local function digits(number)
  return string.format('%.0f', number)
end

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])

-- A time as digits, if that is what the key holds.
local function read(key)
  local text = redis.pcall('GET', key)
  if type(text) == 'table' and not string.find(text.err, 'WRONGTYPE', 1, true) then error(text) end
  local tat = type(text) ~= 'table' and tonumber(text or '0')
  if not tat or tat ~= tat then return nil end
  return math.floor(tat), text
end

-- Read everything before anything is written.
local stored, tats, asks = {}, {}, {}
for i, key in ipairs(KEYS) do
  local at = i * 4 - 4
  local interval, burst = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  asks[i] = {
    key = key,
    interval = interval,
    burst = burst,
    latest = now + interval * burst,
    take = ARGV[at + 3],
    units = tonumber(ARGV[at + 4]),
  }
  if tats[key] == nil then tats[key], stored[key] = read(key) end
end

-- What an ask gets, and the key's time with it. A time further off than an allowance was stored before the
-- clock stepped back or the quota shrank.
local function decide(ask, tat, all)
  tat = math.min(tat, ask.latest)
  local start = math.max(tat, now)
  local room = math.floor((ask.latest - start) / ask.interval)
  local granted = 0
  if ask.take == 'all' then
    if all and ask.units <= room then granted = ask.units end
  elseif ask.take == 'back' then
    -- Not further back than to now: a key never has more than a burst.
    if tat > now then tat = math.max(now, tat - math.min(ask.units, ask.burst) * ask.interval) end
    return 0, tat
  else
    granted = math.min(ask.units, room)
  end
  if granted == 0 then return 0, tat end
  return granted, start + granted * ask.interval
end

local function decide_each(all)
  local after, grants, times, whole = {}, {}, {}, true
  for i, ask in ipairs(asks) do
    local tat = after[ask.key] or tats[ask.key]
    if tat then
      grants[i], times[i] = decide(ask, tat, all)
      after[ask.key] = times[i]
    else
      grants[i], times[i] = -1, now
    end
    whole = whole and (ask.take ~= 'all' or grants[i] == ask.units)
  end
  return whole, after, grants, times
end

local whole, after, grants, times = decide_each(true)
if not whole then
  whole, after, grants, times = decide_each(false)
end

for key, tat in pairs(after) do
  if tat > now then
    -- Never without an expiry: a second after the key has a whole burst, it means nothing any more.
    if digits(tat) ~= stored[key] then
      redis.call('SET', key, digits(tat), 'PX', digits(math.ceil((tat - now) / 1000) + 1000))
    end
  elseif stored[key] then
    redis.call('DEL', key)
  end
end

local reply = {}
for i = 1, #asks do
  reply[i * 2 - 1] = digits(grants[i])
  reply[i * 2] = digits(math.max(0, times[i] - now))
end
return reply
