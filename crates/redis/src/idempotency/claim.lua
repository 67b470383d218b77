-- Claims the record. ARGV: fingerprint, owner, length of the lease, retention, 'take_over' or 'refuse'.

local FINGERPRINT, OWNER, LEASE, RETAIN, WHEN_ABANDONED =
  ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local LEASE_UNTIL = NOW + LEASE
local EXPIRES_AT = math.max(LEASE_UNTIL, NOW + RETAIN)
local LARGEST_ATTEMPT = 4294967295

local function owned(epoch, attempt, after, created_at, checkpoint)
  return { 'owned', digits(epoch), digits(attempt), after, digits(created_at), checkpoint }
end

local function first()
  -- Expired, and not yet removed.
  if record then redis.call('DEL', KEY) end
  local epoch = math.max(NOW, 1)
  local written = redis.pcall('HSET', KEY,
    'version', '1', 'state', 'in_flight', 'fingerprint', FINGERPRINT, 'owner', OWNER,
    'epoch', digits(epoch), 'attempt', '1', 'created_at', digits(NOW), 'expires_at', digits(EXPIRES_AT),
    'lease_until', digits(LEASE_UNTIL), 'lease_millis', digits(LEASE), 'after', 'nothing')
  if lacks_room(written) then return redis.error_reply('OOM no room for another idempotency record') end
  if type(written) == 'table' then return written end
  redis.call('PEXPIREAT', KEY, digits(EXPIRES_AT))
  return owned(epoch, 1, 'nothing', NOW, false)
end

local function own(epoch, attempt, after)
  change(EXPIRES_AT,
    'state', 'in_flight', 'owner', OWNER, 'epoch', digits(epoch), 'attempt', digits(attempt),
    'expires_at', digits(EXPIRES_AT), 'lease_until', digits(LEASE_UNTIL), 'lease_millis', digits(LEASE),
    'after', after)
  return owned(epoch, attempt, after, record.created_at, record.checkpoint)
end

local function next_attempt(after)
  local attempt = math.min(record.attempt + 1, LARGEST_ATTEMPT)
  return own(math.max(record.epoch + 1, NOW), attempt, after)
end

local function busy()
  -- Further off than a lease: the clock went back. Nobody who is dead holds a record for longer on that account.
  local furthest = NOW + record.lease_millis
  if record.lease_until > furthest then
    change(record.expires_at, 'lease_until', digits(furthest))
  end
  return { 'in_flight', digits(math.min(record.lease_until, furthest) - NOW) }
end

if not record or is_expired(record) then return first() end
-- Before all else: another payload must learn nothing about this one, and change nothing.
if record.fingerprint ~= FINGERPRINT then return { 'mismatch' } end
if record.state == 'completed' then return completion('completed', record) end
if record.state == 'stub' then
  -- It was granted, and has ended: this one was under way for all that time, and nobody waits for it.
  if record.owner == OWNER then return { 'in_flight', '0' } end
  return next_attempt('release')
end
if record.owner == OWNER then return own(record.epoch, record.attempt, record.after) end
if is_live(record) then return busy() end
if WHEN_ABANDONED == 'refuse' then return { 'abandoned', digits(record.attempt) } end
return next_attempt('abandonment')
