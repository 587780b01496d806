with

orders as (

    select * from {{ ref('stg_sales__orders') }}

),

order_lines as (

    select * from {{ ref('fact_sales_order_lines') }}

),

persons as (

    select * from {{ ref('dim_persons') }}

),

credit_cards as (

    select * from {{ ref('stg_sales__credit_cards') }}

),

addresses as (

    select * from {{ ref('stg_person__addresses') }}

),

sums as (

    -- the shop books an order's lines as one sum, rounded to the hundredth of a cent
    select
        order_id,
        count(*) as line_count,
        sum(quantity) as quantity,
        round(sum(net_amount), 4) as net_amount
    from order_lines
    group by order_id

),

joined as (

    select
        -- ids
        orders.order_id,
        orders.customer_id,
        orders.salesperson_id,
        orders.territory_id,

        -- amounts
        coalesce(sums.line_count, 0) as line_count,
        coalesce(sums.quantity, 0) as quantity,
        coalesce(sums.net_amount, 0) as net_amount,
        orders.tax_amount,
        orders.freight,
        orders.subtotal as booked_amount,
        orders.total_due,

        -- circumstances
        case orders.status_code
            when 1 then 'In process'
            when 2 then 'Approved'
            when 3 then 'Backordered'
            when 4 then 'Rejected'
            when 5 then 'Shipped'
            when 6 then 'Cancelled'
        end as order_status,
        case when orders.is_online then 'Online' else 'Salesperson' end as sales_channel,
        persons.person_name as salesperson_name,
        coalesce(credit_cards.card_type, 'No card') as card_type,
        coalesce(addresses.city, 'Unknown') as ship_to_city,

        -- dates
        orders.order_date,
        orders.due_date,
        orders.ship_date,
        orders.ship_date - orders.order_date as days_to_ship

    from orders
    left join sums on orders.order_id = sums.order_id
    left join persons on orders.salesperson_id = persons.person_id
    left join credit_cards on orders.credit_card_id = credit_cards.credit_card_id
    left join addresses on orders.ship_to_address_id = addresses.address_id

)

select * from joined
