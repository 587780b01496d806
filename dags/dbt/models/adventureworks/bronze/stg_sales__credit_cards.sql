with

source as (

    select * from {{ source('sales', 'creditcard') }}

),

renamed as (

    select
        -- ids
        creditcardid as credit_card_id,

        -- description
        cardtype as card_type

    from source

)

select * from renamed
