{# Run once, where the Rewiring is created: reads the connections and writes their signs. #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
{% include 'rewiring_connections.cpp' %}

{% endblock %}

{% block maincode %}
    Connections c = the_connections();
    {% if r.storage == 'soft' %}
    // Slots for tracked connections follow those of the user; the spare ones count in no degree.
    c.num_outgoing[c.pre_offset] -= (int32_t)(c.pre.size() - {{r.given}});
    c.num_incoming[c.post_offset] -= (int32_t)(c.pre.size() - {{r.given}});
    place(c, {{r.tracked_pre}}, {{r.tracked_post}}, {{r.given}}, {{r.number}}[0]);
    std::copy({{r.tracked_wheel}}, {{r.tracked_wheel}} + WHEEL_LEVELS*WHEEL_RING, {{r.wheel}});
    {% for pathway in r.pathways if pathway.scalar == 'false' %}
    if (same_delay({{pathway.delays}}, {{r.given}}))
        std::fill({{pathway.delays}}.begin() + {{r.given}}, {{pathway.delays}}.end(), {{pathway.delays}}[0]);
    {% endfor %}
    {% elif r.storage == 'varying' %}
    *c.in_use = (int64_t)c.pre.size();
    {% endif %}
    adopt(c);
    {% if r.given_polarity %}
    keep_signs(c, {{r.given_polarity}}, {{r.given or 'c.size()'}}, {{'true' if r.storage == 'soft' else 'false'}}, "'{{r.sign_name}}' of '{{owner.name}}'");
    {% endif %}
    {% if r.theta %}
    for (size_t k = 0; k < {{r.given or 'c.size()'}}; k++)
        if ({{r.theta}}[k] < 0)
            fail("{{r.theta_name}} of " + c.name(k) + " must be >= 0 at the start; set it to the magnitude of the weight and {{r.sign_name}} to its sign.");
    {% endif %}
    {% if r.companion %}
    check_companion(c, {{r.companion.pre}}, {{r.companion.post}}, "{{r.companion.name}}");
    {% if r.companion.needed %}
    {{r.companion.needed}}[0] = fraction_in(c.step + 1, {{r.replaces}}) > 0;
    {% endif %}
    {% endif %}
    {% if r.storage == 'soft' %}
    for (size_t k = {{r.given}}; k < c.size(); k++) {
        reset(k);
        {{r.theta}}[k] = {{r.tracked_theta}}[k];
    }
    {% endif %}
    {% for array in r.moments %}
    {{array}}.assign(c.pre.size(), 0);
    {% endfor %}
    for (size_t k = 0; k < c.size(); k++)
        mark(c, k);
{% endblock %}

{% block extra_functions_cpp %}
{% if r.storage in ('soft', 'varying') %}
// Before each run: check what may have been set, and let slots without a connection be silent.
void _park_{{r.name}}()
{
    const Connections c = the_connections();
    {% if r.storage == 'soft' %}
    for (size_t k = 0; k < c.size() && c.step == 0; k++)
        if (({{r.theta}}[k] >= 0) != (k < {{r.given}}))
            fail("{{r.theta_name}} of '{{owner.name}}' was changed after its Rewiring was created, also where connections are retracted; set it before.");
    {% for name, delays in r.common_delays %}
    if (!same_delay({{delays}}, c.size()))
        fail("synapses of '{{owner.name}}' differ in {{name}}, so the delay of a new one is ambiguous; set birth={'{{name}}': ...}.");
    {% endfor %}
    {% endif %}
    for (size_t k = c.size(); k < c.pre.size(); k++)
        reset(k);
    {% for pathway in r.pathways %}
    park({{pathway.name}}, (int32_t)c.size());
    {% endfor %}
    {% if r.multisynaptic_index %}
    count_multapses(c, {{r.multisynaptic_index}});
    {% endif %}
}
{% endif %}
{% endblock %}
