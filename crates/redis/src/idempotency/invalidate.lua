-- Forgets the record, unless its owner runs.

if not record then return { 'absent' } end
if is_live(record) then return { 'in_flight' } end
redis.call('DEL', KEY)
return { is_expired(record) and 'absent' or 'removed' }
