-- Messages that are sent if, and only if, the transaction that wrote them is committed. The word `buttress` is the
-- schema: to use another one, replace the word.

create table buttress.outbox (
    position   bigint  generated always as identity primary key,
    created_at bigint  not null,
    not_before bigint  not null default 0,
    failures   integer not null default 0,
    topic      text    not null check (octet_length(topic) <= 255),
    key        text check (octet_length(key) <= 255),
    payload    bytea   not null
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

create index outbox_key on buttress.outbox (topic, key, position) where key is not null;

-- Whoever writes about the same key waits for the transaction that did so before, so that positions are in the order
-- of the commits.
create function buttress.put_message(p_topic text, p_key text, p_payload bytea) returns bigint
language plpgsql volatile as $$
declare
    v_position bigint;
begin
    if p_key is not null then
        perform pg_advisory_xact_lock(
            hashtextextended(p_key, hashtextextended(p_topic, 'buttress.outbox'::regclass::oid::bigint)));
    end if;
    insert into buttress.outbox (created_at, topic, key, payload)
    values (buttress.clock_millis(), p_topic, p_key, p_payload)
    returning position into v_position;
    return v_position;
end $$;

-- Takes messages for as long as the transaction lasts: the first of each key, and those that follow it. While the first
-- one is there, nobody else is given one of its key. One that is to wait for longer than a failure lets it is due: the
-- clock went back.
create function buttress.take_messages(p_topic text, p_limit integer)
returns table (o_position bigint, o_created_at bigint, o_failures integer, o_topic text, o_key text, o_payload bytea)
language plpgsql volatile as $$
declare
    v_now bigint := buttress.clock_millis();
begin
    return query
    with heads as materialized (
        select o.position, o.topic, o.key from buttress.outbox o
        where (p_topic is null or o.topic = p_topic) and (o.not_before <= v_now or o.not_before > v_now + 300000)
            and (o.key is null or not exists (
                select from buttress.outbox before
                where before.topic = o.topic and before.key = o.key and before.position < o.position))
        order by o.position limit p_limit for update of o skip locked
    ), taken as (
        select h.position from heads h
        union all
        select f.position from heads h cross join lateral (
            select o.position from buttress.outbox o
            where o.topic = h.topic and o.key = h.key and o.position > h.position
            order by o.position limit p_limit) f
    )
    select o.position, o.created_at, o.failures, o.topic, o.key, o.payload
    from buttress.outbox o join taken t on t.position = o.position
    order by o.position limit p_limit;
end $$;

-- Removes what was sent. What was not waits for longer each time, from a second to five minutes.
create function buttress.settle_messages(p_sent bigint[], p_failed bigint[]) returns void
language plpgsql volatile as $$
begin
    delete from buttress.outbox o where o.position = any (p_sent);
    update buttress.outbox o set
        failures = o.failures + 1,
        not_before = buttress.clock_millis() + least(300000, 1000 * (1 << least(o.failures, 9)))
    where o.position = any (p_failed);
end $$;

insert into buttress.migrations (version) values (2);
