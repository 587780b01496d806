with

source as (

    select * from {{ source('calendar', 'dates') }}

),

renamed as (

    select
        -- dates
        date_day,

        -- description
        day_of_week,
        day_of_week_name

    from source

)

select * from renamed
