with

state_provinces as (

    select * from {{ ref('stg_person__state_provinces') }}

),

country_regions as (

    select * from {{ ref('stg_person__country_regions') }}

),

counted as (

    select
        territory_id,
        country_code,
        count(*) as state_province_count
    from state_provinces
    group by territory_id, country_code

),

ranked as (

    -- a territory may hold islands of other countries: it is named after the country that most of it is in
    select
        territory_id,
        country_code,
        (sum(state_province_count) over (partition by territory_id))::int as state_province_count,
        row_number() over (
            partition by territory_id order by state_province_count desc, country_code asc
        ) as country_rank
    from counted

),

main_countries as (

    select
        ranked.territory_id,
        ranked.country_code,
        country_regions.country_name,
        ranked.state_province_count,
        count(*) over (partition by ranked.country_code) as territories_of_country
    from ranked
    inner join country_regions on ranked.country_code = country_regions.country_code
    where ranked.country_rank = 1

)

select
    -- ids
    territory_id,
    country_code,

    -- description
    country_name || case when territories_of_country > 1 then ' ' || territory_id else '' end as territory_name,
    country_name,
    state_province_count
from main_countries
