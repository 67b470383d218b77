-- What the scripts about one record share. KEYS[1] is its key; all times are milliseconds by this server's clock.
-- Every script reads and decides before it writes, and says what came of it as a word with what belongs to it.

local KEY = KEYS[1]
local clock = redis.call('TIME')
local NOW = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

-- The largest number that a script can count to.
local MOST = 9007199254740991
local FIELDS = {
  'version', 'state', 'fingerprint', 'owner', 'epoch', 'attempt', 'created_at', 'expires_at',
  'lease_until', 'lease_millis', 'after', 'checkpoint', 'completed_at',
}
local NUMBERS = { epoch = 1, attempt = 1, created_at = 0, expires_at = 0 }
local NUMBERS_OF = {
  in_flight = { lease_until = 0, lease_millis = 1 },
  stub = {},
  completed = { completed_at = 0 },
}
local AFTER = { nothing = true, release = true, abandonment = true }

-- As digits, because a large number would else be written with an exponent.
local function digits(number)
  return string.format('%.0f', number)
end

local function corrupt(field)
  return redis.error_reply('CORRUPT the field ' .. field .. ' of an idempotency record cannot be read')
end

-- Old servers put the place in front of what went wrong.
local function lacks_room(reply)
  return type(reply) == 'table' and string.find(reply.err, 'OOM', 1, true) ~= nil
end

-- Makes numbers of the fields that are; names the first that is none, or too small.
local function count(record, fields)
  for name, least in pairs(fields) do
    local text = record[name]
    local number = text and #text <= 16 and string.match(text, '^%d+$') and tonumber(text)
    if not number or number < least or number > MOST then return name end
    record[name] = number
  end
end

-- The name of a field that is not what it should be.
local function spoilt(record)
  if record.version ~= '1' then return 'version' end
  local numbers = NUMBERS_OF[record.state]
  if not numbers then return 'state' end
  if not record.fingerprint or #record.fingerprint ~= 32 then return 'fingerprint' end
  if not record.owner or (#record.owner ~= 0 and #record.owner ~= 16) then return 'owner' end
  if record.state == 'in_flight' and not AFTER[record.after] then return 'after' end
  return count(record, NUMBERS) or count(record, numbers)
end

-- The record; nothing if there is none; or nothing, and the error to answer with.
local function read()
  local found = redis.pcall('HMGET', KEY, unpack(FIELDS))
  if found.err then return nil, found end
  local record, is_there = {}, false
  for place, name in ipairs(FIELDS) do
    record[name] = found[place]
    is_there = is_there or found[place]
  end
  if not is_there and redis.call('EXISTS', KEY) == 0 then return nil end
  local field = spoilt(record)
  if field then return nil, corrupt(field) end
  return record
end

local function is_live(record)
  return record.state == 'in_flight' and record.owner ~= '' and NOW < record.lease_until
end

local function is_expired(record)
  return NOW >= record.expires_at and not is_live(record)
end

-- Where memory is short, a server refuses scripts whose first write needs some. What is already there may go on and
-- end, so the first write is one that needs none.
local function change(expires_at, ...)
  redis.call('PERSIST', KEY)
  redis.call('HSET', KEY, ...)
  redis.call('PEXPIREAT', KEY, digits(expires_at))
end

local function completion(word, record)
  local kept = redis.call('HMGET', KEY, 'status', 'headers', 'body')
  return {
    word, digits(record.completed_at), digits(record.expires_at), digits(record.attempt),
    kept[1], kept[2], kept[3],
  }
end

local record, failure = read()
if failure then return failure end

