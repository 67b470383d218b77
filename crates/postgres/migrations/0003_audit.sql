-- Records of audit logs, each with the exact bytes that its hash covers. The word `buttress` is the schema: to use
-- another one, replace the word.

-- An event as jsonb, which knows neither U+0000 nor half a surrogate pair: those become U+FFFD. Null for what jsonb
-- cannot hold at all, such as a number of a million digits.
create function buttress.audit_event(p_raw text) returns jsonb
language plpgsql immutable parallel safe as $$
begin
    return p_raw::jsonb;
exception when others then
    begin
        return regexp_replace(
            p_raw, '(?<!\\)((?:\\\\)*)\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\1\\ufffd', 'g')::jsonb;
    exception when others then
        return null;
    end;
end $$;

create table buttress.audit (
    chain      text collate "C" not null check (chain ~ '^[0-9a-f]{32}$'),
    seq        bigint           not null check (seq > 0),
    prev       bytea            not null check (octet_length(prev) = 32),
    hash       bytea            not null check (octet_length(hash) = 32),
    arrived_at timestamptz      not null default clock_timestamp(),
    raw        text             not null,
    event      jsonb            generated always as (buttress.audit_event(raw)) stored,
    primary key (chain, seq)
);

-- Not unique: an event that was recorded twice is two records, and without one of them the chain would have a gap.
create index audit_id on buttress.audit ((event ->> 'id'));
create index audit_time on buttress.audit ((event ->> 'ts'));

create function buttress.audit_is_append_only() returns trigger
language plpgsql as $$
begin
    raise exception 'audit records are neither changed nor removed' using errcode = 'insufficient_privilege';
end $$;

create trigger audit_is_append_only before update or delete or truncate on buttress.audit
for each statement execute function buttress.audit_is_append_only();

-- Takes a batch. What is there already stays; if it is another record, none of the batch is taken.
create function buttress.audit_put(
    p_chain text, p_seqs bigint[], p_prevs bytea[], p_hashes bytea[], p_raws text[]) returns bigint
language plpgsql volatile as $$
declare
    v_new   bigint;
    v_other bigint;
begin
    insert into buttress.audit (chain, seq, prev, hash, raw)
    select p_chain, r.seq, r.prev, r.hash, r.raw
    from unnest(p_seqs, p_prevs, p_hashes, p_raws) as r (seq, prev, hash, raw)
    on conflict (chain, seq) do nothing;
    get diagnostics v_new = row_count;
    if v_new < cardinality(p_seqs) then
        select min(r.seq) into v_other
        from unnest(p_seqs, p_hashes) as r (seq, hash)
        join buttress.audit a on a.chain = p_chain and a.seq = r.seq and a.hash <> r.hash;
        if v_other is not null then
            raise exception 'audit record % of chain % is there already, and it is another one', v_other, p_chain
                using errcode = 'unique_violation';
        end if;
    end if;
    return v_new;
end $$;

-- The last record of a log that is here; no row if there is none.
create function buttress.audit_seen(p_chain text) returns table (o_seq bigint, o_hash bytea)
language sql stable as $$
    select a.seq, a.hash from buttress.audit a where a.chain = p_chain order by a.seq desc limit 1
$$;

-- Everything that is wrong with the records of a log from one on, by what is stored alone; no row if nothing is. The
-- words are those of the verifier of the log itself. What every hash begins with is in hex digits, because it has the
-- name of the schema in it: the name of this library, `-audit-v1` and a line feed.
create function buttress.audit_verify(p_chain text, p_from bigint default 1)
returns table (o_seq bigint, o_fault text)
language sql stable as $$
    with records as (
        select a.seq, a.prev, a.hash, a.raw, a.event,
            lag(a.seq) over in_order as seq_before, lag(a.hash) over in_order as hash_before
        from buttress.audit a where a.chain = p_chain and a.seq >= p_from
        window in_order as (order by a.seq)
    ), judged as (
        select r.seq, case
            when r.seq <> r.seq_before + 1 then 'seq_order'
            when r.prev <> r.hash_before or (r.seq = 1 and r.prev <> decode(repeat('00', 32), 'hex'))
                then 'prev_mismatch'
            when r.hash <> sha256(
                decode('62757474726573732d61756469742d76310a', 'hex') || convert_to(p_chain, 'UTF8') || '\x00'::bytea
                || int8send(r.seq) || r.prev || convert_to(r.raw, 'UTF8')) then 'hash_mismatch'
            when r.event is distinct from buttress.audit_event(r.raw) then 'event_mismatch'
        end as fault
        from records r
    )
    select j.seq, j.fault from judged j where j.fault is not null order by j.seq
$$;

insert into buttress.migrations (version) values (3);
