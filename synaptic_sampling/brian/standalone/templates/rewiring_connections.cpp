{# The connections of a Rewiring: arrays of Brian2 and additional ones. #}
{{constants}}
{% for factor in r.factors if factor.code %}
#include "code_objects/{{factor.code}}.h"
{% endfor %}
#include "{{ {'soft': 'soft_slots.h', 'varying': 'gaps.h'}.get(r.storage, 'rewiring.h') }}"

namespace {

using namespace brian;
using namespace synaptic_sampling;

{% if r.factors %}
// Multiply the acceptance probabilities of some pairs by the values of strings, and of functions and arrays in tables.
void accept(const std::vector<int64_t> &keys, std::vector<double> &accepted)
{
    {% for factor in r.factors %}
    {% if factor.code %}
    point(keys, {{r.num_post}}, {{r.pre_offset}}, {{r.post_offset}}, {{factor.pre}}, {{factor.post}}, {{factor.slots}});
    {{factor.answer}}.resize(keys.size());
    _run_{{factor.code}}();
    {% if factor.is_probability %}
    check_probabilities({{factor.answer}});
    {% endif %}
    for (size_t n = 0; n < keys.size(); n++)
        accepted[n] *= {{factor.answer}}[n];
    {% else %}
    for (size_t n = 0; n < keys.size(); n++)
        accepted[n] *= {{factor.table}}[keys[n]];
    {% endif %}
    {% endfor %}
}

{% endif %}
Connections the_connections()
{
    const Sites sites = { {{r.num_pre}}, {{r.num_post}}, {{r.forbidden}}, {{r.listed}}, {{r.num_listed}}, {{r.num_sites}}, {{r.multapses}} };
    const Signs signs = { (SignRule){{r.sign_rule}}, {{r.sign_table}}, {{r.threshold}}[0] };
    return Connections{
        {{r.pre}}, {{r.post}}, {{r.num_outgoing}}, {{r.num_incoming}}, {{r.pre_offset}}, {{r.post_offset}},
        {{r.polarity}}, {{r.birth_step}}, {{r.step}}[0], sites, signs, occupied_of("{{r.name}}"),
        {% if r.factors %}uneven_of("{{r.name}}", accept){% else %}nullptr{% endif %},
        {{r.key}}[0], {{r.key}}[1], {{r.in_use}}
    };
}

// Write sign and flag of a slot.
void mark(const Connections &c, size_t k)
{
    {% for array, value in r.values %}
    {{array}}[k] = {{value}};
    {% endfor %}
}

// Set the variables of a slot to 0; its last update is now.
void reset(size_t k)
{
    {% for array in r.reset %}
    {{array}}[k] = 0;
    {% endfor %}
    {% if r.last_update %}
    {{r.last_update}}[k] = {{r.t}}[0];
    {% endif %}
}

void reset(const std::vector<int32_t> &slots)
{
    for (size_t n = 0; n < slots.size(); n++) {
        if (n + AHEAD < slots.size()) {
            {% for array in r.reset %}
            SYNAPTIC_SAMPLING_FETCH(&{{array}}[slots[n + AHEAD]]);
            {% endfor %}
        }
        reset(slots[n]);
    }
}

}
