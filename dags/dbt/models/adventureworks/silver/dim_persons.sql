with

persons as (

    select * from {{ ref('stg_person__persons') }}

),

written as (

    -- an initial is written with its point
    select
        *,
        middle_name || case when length(middle_name) = 1 then '.' else '' end as middle_written
    from persons

)

select
    -- ids
    person_id,

    -- name
    case
        when is_family_name_first then concat_ws(' ', title, last_name, first_name, middle_written)
        else concat_ws(' ', title, first_name, middle_written, last_name)
    end || coalesce(', ' || suffix, '') as person_name,

    -- circumstances
    case person_type_code
        when 'SC' then 'Store contact'
        when 'IN' then 'Individual customer'
        when 'SP' then 'Salesperson'
        when 'EM' then 'Employee'
        when 'VC' then 'Vendor contact'
        when 'GC' then 'General contact'
    end as person_type,
    case email_promotion_code
        when 0 then 'None'
        when 1 then 'Ours'
        when 2 then 'Ours and partners'
    end as email_promotion
from written
