-- Does what only the owner may do. ARGV: fingerprint, owner, epoch, which step, and what that step needs.

local FINGERPRINT, OWNER, EPOCH, STEP = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local steps = {}

-- ARGV: length of the lease, retention.
function steps.renew()
  local lease, retain = tonumber(ARGV[5]), tonumber(ARGV[6])
  local lease_until = NOW + lease
  local expires_at = math.max(lease_until, NOW + retain)
  change(expires_at,
    'lease_until', digits(lease_until), 'lease_millis', digits(lease), 'expires_at', digits(expires_at))
  return { 'done' }
end

-- ARGV: the content. It may be refused for room: the run goes on without.
function steps.checkpoint()
  local written = redis.pcall('HSET', KEY, 'checkpoint', ARGV[5])
  if lacks_room(written) then return redis.error_reply('OOM no room for a checkpoint') end
  if type(written) == 'table' then return written end
  return { 'done' }
end

-- ARGV: retention, status, headers, and the body if it is kept. Owner and epoch stay, to know the same completion by.
function steps.complete()
  local expires_at = NOW + tonumber(ARGV[5])
  local fields = {
    'state', 'completed', 'completed_at', digits(NOW), 'expires_at', digits(expires_at), 'status', ARGV[6],
  }
  local small, answer = #fields, 'done'
  for _, word in ipairs({ 'headers', ARGV[7], ARGV[8] and 'body', ARGV[8] }) do
    table.insert(fields, word)
  end
  local written = redis.pcall('HSET', KEY, unpack(fields))
  if lacks_room(written) then
    change(expires_at, 'headers', '', unpack(fields, 1, small))
    answer = 'status_only'
  elseif type(written) == 'table' then
    return written
  end
  redis.call('HDEL', KEY, 'checkpoint', 'lease_until', 'lease_millis', 'after')
  redis.call('PEXPIREAT', KEY, digits(expires_at))
  return { answer }
end

-- ARGV: retention.
function steps.release()
  local expires_at = NOW + tonumber(ARGV[5])
  redis.call('HDEL', KEY, 'lease_until', 'lease_millis', 'after')
  change(expires_at, 'state', 'stub', 'expires_at', digits(expires_at))
  return { 'done' }
end

function steps.abandon()
  local lease_until = math.min(record.lease_until, NOW)
  change(record.expires_at, 'owner', '', 'lease_until', digits(lease_until))
  return { 'done' }
end

if not record or is_expired(record) then return { 'gone' } end
local is_owner = record.owner == OWNER and record.epoch == EPOCH
if is_owner and record.state == 'in_flight' then return steps[STEP]() end
-- Sent again, because the first answer was lost.
if is_owner and record.state == 'completed' and STEP == 'complete' then return { 'done' } end
if is_owner and record.state == 'stub' and STEP == 'release' then return { 'done' } end
if record.state == 'completed' and record.fingerprint == FINGERPRINT then return completion('fenced', record) end
return { 'fenced' }
