with

customers as (

    select * from {{ ref('stg_sales__customers') }}

),

stores as (

    select * from {{ ref('stg_sales__stores') }}

),

persons as (

    select * from {{ ref('dim_persons') }}

),

joined as (

    select
        -- ids
        customers.customer_id,
        customers.territory_id,

        -- description
        case when customers.store_id is null then 'Individual' else 'Store' end as customer_type,
        coalesce(stores.store_name, persons.person_name, 'Unknown') as customer_name,
        case when customers.store_id is not null then persons.person_name end as contact_name,

        -- circumstances
        coalesce(persons.email_promotion, 'Unknown') as email_promotion

    from customers
    left join stores on customers.store_id = stores.store_id
    left join persons on customers.person_id = persons.person_id

)

select * from joined
