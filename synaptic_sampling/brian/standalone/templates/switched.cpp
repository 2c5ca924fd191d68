{# Run in every step of the clock, while a shared variable is not 0. #}
{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'stateupdate.cpp' %}

{% block maincode %}
    if ({{switch}}[0]) {
    {{ super() }}
    }
{% endblock %}
