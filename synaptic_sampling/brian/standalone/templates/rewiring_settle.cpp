{# Run once, where the Rewiring is created: reads the connections and writes their signs. #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
{% include 'rewiring_connections.cpp' %}

{% endblock %}

{% block maincode %}
    Connections c = the_connections();
    adopt(c);
    {% if r.theta %}
    for (size_t k = 0; k < c.pre.size(); k++)
        if ({{r.theta}}[k] < 0)
            fail("{{r.theta_name}} of " + c.name(k) + " must be >= 0 at the start; set it to the magnitude of the weight and {{r.sign_name}} to its sign.");
    {% endif %}
    {% if r.companion %}
    check_companion(c, {{r.companion.pre}}, {{r.companion.post}}, "{{r.companion.name}}");
    {% if r.companion.needed %}
    {{r.companion.needed}}[0] = fraction_in(c.step + 1, {{r.replaces}}) > 0;
    {% endif %}
    {% endif %}
    {% for array in r.moments %}
    {{array}}.assign(c.pre.size(), 0);
    {% endfor %}
    for (size_t k = 0; k < c.pre.size(); k++) {
        {% for array, value in r.values %}
        {{array}}[k] = {{value}};
        {% endfor %}
    }
{% endblock %}
