with

source as (

    select * from {{ source('person', 'person') }}

),

renamed as (

    select
        -- ids
        businessentityid as person_id,

        -- name
        title,
        firstname as first_name,
        middlename as middle_name,
        lastname as last_name,
        suffix,
        namestyle as is_family_name_first,

        -- circumstances
        persontype as person_type_code,
        emailpromotion as email_promotion_code

    from source

)

select * from renamed
