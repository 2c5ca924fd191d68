{# Run once after the connections at the start have been read: replaces them by those of a later time. #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
{% include 'rewiring_connections.cpp' %}

{% endblock %}

{% block maincode %}
    Connections c = the_connections();
    place(c, {{r.resumed_pre}}, {{r.resumed_post}}, 0, {{r.resumed}}[0]);
    adopt(c);
    for (size_t k = 0; k < c.size(); k++) {
        {{r.theta}}[k] = {{r.resumed_theta}}[k];
        mark(c, k);
    }
{% endblock %}
