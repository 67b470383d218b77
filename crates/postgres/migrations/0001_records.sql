-- Records of idempotent operations. The word `buttress` is the schema: to use another one, replace the word.
-- All times are milliseconds since the Unix epoch by this server's clock.

do $$ begin
    if to_regnamespace('buttress') is null then
        create schema buttress;
    end if;
end $$;

create table buttress.migrations (
    version    integer     primary key,
    applied_at timestamptz not null default clock_timestamp()
);

create table buttress.records (
    epoch        bigint   not null,
    attempt      bigint   not null,
    created_at   bigint   not null,
    expires_at   bigint   not null,
    lease_until  bigint   not null,
    lease_millis bigint   not null,
    completed_at bigint,
    -- The end of the minute or so in which it expires. Only this is indexed, so that claims, renewals and completions
    -- need not touch the index each time they move the expiry.
    prune_at     bigint   not null generated always as (((expires_at >> 16) + 1) << 16) stored,
    state        smallint not null check (state in (1, 2, 3)), -- in flight, stub, completed
    prior        smallint not null check (prior in (0, 1, 2)), -- nothing, release, abandonment
    id           bytea    primary key,
    fingerprint  bytea    not null,
    owner        bytea,
    checkpoint   bytea,
    response     bytea,
    check ((state = 3) = (response is not null and completed_at is not null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

create index records_prune_at on buttress.records (prune_at);

-- Never `now()`, which stands still for as long as a transaction takes.
create function buttress.clock_millis() returns bigint language sql volatile as
    'select floor(extract(epoch from clock_timestamp()) * 1000)::bigint';

-- Looks, decides, and writes if the record is still as it was; else begins again. What needs no write takes no lock.
--
-- `p_lock` keeps transactions that run an operation apart from all others who want to write: they hold it exclusively
-- to their end, calls of their own hold it shared. Nobody waits for it here.
create function buttress.claim(
    p_id bytea, p_lock bigint, p_fingerprint bytea, p_owner bytea, p_lease bigint, p_retain bigint,
    p_takes_over boolean, p_in_transaction boolean,
    out verdict smallint, -- 1 owned, 2 in flight, 3 mismatch, 4 completed, 5 abandoned
    out o_epoch bigint, out o_attempt bigint, out o_prior smallint, out o_checkpoint bytea, out o_created_at bigint,
    out o_remaining bigint, out o_completed_at bigint, out o_expires_at bigint, out o_response bytea
) language plpgsql volatile as $$
declare
    v_now    bigint;
    v_found  boolean;
    v_live   boolean;
    v_locked boolean;
    v_first  boolean;
    v        buttress.records;
begin
    for tries in 1..16 loop
        v_now := buttress.clock_millis();
        select * into v from buttress.records r where r.id = p_id;
        v_found := found;
        v_live := v_found and v.state = 1 and v.owner is not null and v_now < v.lease_until;
        v_first := not v_found or (v_now >= v.expires_at and not v_live);

        if not v_first then
            if v.fingerprint <> p_fingerprint then
                verdict := 3;
                return;
            elsif v.state = 3 then
                verdict := 4;
                o_attempt := v.attempt;
                o_completed_at := v.completed_at;
                o_expires_at := v.expires_at;
                o_response := v.response;
                return;
            elsif v.state = 2 and v.owner = p_owner then
                -- It was granted, and has ended: this one was under way all that time, and nobody waits for it.
                verdict := 2;
                o_remaining := 0;
                return;
            elsif v.state = 1 and v.owner = p_owner then
                -- The same claim, sent again: it has it as before.
                o_epoch := v.epoch;
                o_attempt := v.attempt;
                o_prior := v.prior;
            elsif v_live then
                verdict := 2;
                o_remaining := least(v.lease_until - v_now, v.lease_millis);
                if o_remaining < v.lease_until - v_now then
                    -- The clock went back. Nobody who is dead may hold a record for longer than a lease for that.
                    update buttress.records r set lease_until = v_now + r.lease_millis
                    where r.id = p_id and r.state = 1 and r.owner = v.owner and r.epoch = v.epoch
                        and r.lease_until = v.lease_until;
                end if;
                return;
            elsif v.state = 1 and not p_takes_over then
                verdict := 5;
                o_attempt := v.attempt;
                return;
            else
                o_epoch := greatest(v.epoch + 1, v_now);
                o_attempt := v.attempt + 1;
                o_prior := case v.state when 2 then 1 else 2 end;
            end if;
        else
            -- What has expired is absent, but its epoch is not undercut even if the clock went back.
            o_epoch := greatest(v.epoch + 1, v_now, 1);
            o_attempt := 1;
            o_prior := 0;
        end if;

        if p_in_transaction then
            v_locked := pg_try_advisory_xact_lock(p_lock);
        else
            v_locked := pg_try_advisory_xact_lock_shared(p_lock);
        end if;
        if not v_locked then
            verdict := 2;
            o_remaining := 1000; -- nobody knows how long a transaction takes
            return;
        end if;

        if not v_found then
            insert into buttress.records as r (
                id, fingerprint, state, owner, epoch, attempt, prior, created_at, lease_until, lease_millis, expires_at)
            values (
                p_id, p_fingerprint, 1, p_owner, o_epoch, o_attempt, o_prior, v_now, v_now + p_lease, p_lease,
                v_now + greatest(p_lease, p_retain))
            on conflict do nothing
            returning r.checkpoint, r.created_at into o_checkpoint, o_created_at;
        else
            update buttress.records r set
                fingerprint = p_fingerprint, state = 1, owner = p_owner, epoch = o_epoch, attempt = o_attempt,
                prior = o_prior, lease_until = v_now + p_lease, lease_millis = p_lease,
                expires_at = v_now + greatest(p_lease, p_retain), completed_at = null, response = null,
                created_at = case when v_first then v_now else r.created_at end,
                checkpoint = case when v_first then null else r.checkpoint end
            where r.id = p_id and r.epoch = v.epoch and r.state = v.state and r.owner is not distinct from v.owner
                and r.lease_until = v.lease_until and r.expires_at = v.expires_at
            returning r.checkpoint, r.created_at into o_checkpoint, o_created_at;
        end if;
        if found then
            verdict := 1;
            return;
        end if;
    end loop;
    raise exception 'a record keeps changing' using errcode = 'serialization_failure';
end $$;

-- One conditional write; only if it changes nothing, a look at why.
--
-- With `p_lock` it is part of a longer transaction, which whoever wants to claim is not made to wait for; and since
-- nobody else can have the record then, it counts as alive.
create function buttress.step(
    p_id bytea, p_fingerprint bytea, p_owner bytea, p_epoch bigint,
    p_kind smallint, -- 1 renew, 2 checkpoint, 3 complete, 4 release, 5 abandon
    p_lease bigint, p_retain bigint, p_content bytea, p_lock bigint,
    out verdict smallint, -- 1 done, 2 fenced, 3 gone
    out o_attempt bigint, out o_completed_at bigint, out o_expires_at bigint, out o_response bytea
) language plpgsql volatile as $$
declare
    v_now bigint;
    v     buttress.records;
begin
    if p_lock is not null then
        perform pg_advisory_xact_lock(p_lock);
    end if;
    v_now := buttress.clock_millis();
    update buttress.records r set
        state = case p_kind when 3 then 3 when 4 then 2 else 1 end,
        owner = case when p_kind = 5 then null else r.owner end,
        lease_until = case p_kind when 1 then v_now + p_lease when 5 then least(r.lease_until, v_now)
            else r.lease_until end,
        lease_millis = case p_kind when 1 then p_lease else r.lease_millis end,
        expires_at = case p_kind when 1 then v_now + greatest(p_lease, p_retain) when 3 then v_now + p_retain
            when 4 then v_now + p_retain else r.expires_at end,
        checkpoint = case p_kind when 2 then p_content when 3 then null else r.checkpoint end,
        completed_at = case p_kind when 3 then v_now end,
        response = case p_kind when 3 then p_content end
    where r.id = p_id and r.state = 1 and r.owner = p_owner and r.epoch = p_epoch
        and (p_lock is not null or v_now < greatest(r.expires_at, r.lease_until));
    if found then
        verdict := 1;
        return;
    end if;

    select * into v from buttress.records r where r.id = p_id;
    if not found or (v_now >= v.expires_at
        and not (v.state = 1 and v.owner is not null and v_now < v.lease_until)) then
        verdict := 3;
    elsif ((v.state = 3 and p_kind = 3) or (v.state = 2 and p_kind = 4))
        and v.owner = p_owner and v.epoch = p_epoch and p_lock is null then
        -- Sent again, because the first answer was lost. Not so within a transaction: what else is in it would be
        -- done a second time.
        verdict := 1;
    else
        verdict := 2;
        if v.state = 3 and v.fingerprint = p_fingerprint then
            o_attempt := v.attempt;
            o_completed_at := v.completed_at;
            o_expires_at := v.expires_at;
            o_response := v.response;
        end if;
    end if;
end $$;

-- A record that somebody has locked is in use: a transaction runs it, which nobody waits for here.
create function buttress.invalidate(
    p_id bytea,
    out verdict smallint -- 1 removed, 2 absent, 3 in flight
) language plpgsql volatile as $$
declare
    v_now     bigint := buttress.clock_millis();
    v_expired boolean;
begin
    perform from buttress.records r
    where r.id = p_id and not (r.state = 1 and r.owner is not null and v_now < r.lease_until)
    for update skip locked;
    if found then
        delete from buttress.records r where r.id = p_id returning v_now >= r.expires_at into v_expired;
        verdict := case when v_expired then 2 else 1 end;
    else
        verdict := case when exists (select from buttress.records r where r.id = p_id) then 3 else 2 end;
    end if;
end $$;

-- Forgets the next `p_limit` records after `p_after` in the order of their IDs, except where the owner runs, by lease or
-- in a transaction that has the record locked.
create function buttress.clear(
    p_after bytea, p_limit integer,
    out o_last bytea, -- null at the end
    out o_removed bigint -- that had not expired
) language plpgsql volatile as $$
declare
    v_now bigint := buttress.clock_millis();
begin
    select r.id into o_last from buttress.records r where r.id > p_after order by r.id offset p_limit - 1 limit 1;
    with removed as (
        delete from buttress.records d where d.ctid = any (array(
            select r.ctid from buttress.records r
            where r.id > p_after and (o_last is null or r.id <= o_last)
                and not (r.state = 1 and r.owner is not null and v_now < r.lease_until)
            for update skip locked))
        returning v_now < d.expires_at as counts
    )
    select count(*) filter (where counts) into o_removed from removed;
end $$;

-- Removes up to `p_limit` expired records, oldest first; null if somebody else is at it. A record that somebody has
-- locked is in use, and stays.
create function buttress.prune(p_limit integer, p_lock bigint) returns bigint language plpgsql volatile as $$
declare
    v_now     bigint := buttress.clock_millis();
    v_removed bigint;
begin
    if not pg_try_advisory_xact_lock(p_lock) then
        return null;
    end if;
    delete from buttress.records d where d.ctid = any (array(
        select r.ctid from buttress.records r
        where r.prune_at <= v_now and v_now >= r.expires_at
            and not (r.state = 1 and r.owner is not null and v_now < r.lease_until)
        order by r.prune_at limit p_limit for update skip locked));
    get diagnostics v_removed = row_count;
    return v_removed;
end $$;

insert into buttress.migrations (version) values (1);
