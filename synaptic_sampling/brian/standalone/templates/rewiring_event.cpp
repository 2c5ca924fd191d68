{# Run in every step of the clock, with an event in some of them: update, eliminate, form. #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
{% for code in r.codes %}
#include "code_objects/{{code}}.h"
{% endfor %}
{% include 'rewiring_connections.cpp' %}

namespace {

{% if r.condition %}
// The slots where the condition holds; strings are evaluated in all slots, as in runtime mode.
std::vector<int32_t> choose(Connections &c, int64_t)
{
    {{r.condition.slots}}.resize(c.pre.size());
    {{r.condition.holds}}.resize(c.pre.size());
    for (size_t k = 0; k < c.pre.size(); k++)
        {{r.condition.slots}}[k] = (int32_t)k;
    _run_{{r.condition.code}}();
    std::vector<int32_t> holds;
    for (size_t k = 0; k < c.size(); k++)
        if ({{r.condition.holds}}[k])
            holds.push_back((int32_t)k);
    c.step++;
    return holds;
}
{% else %}
{{r.move}}
// Update every theta, and return the slots to replace, or where theta crossed 0 if all synapses are potential
// connections. It is the event of this number in the run.
std::vector<int32_t> choose(Connections &c, int64_t number)
{
    c.step++;
    // Stops the program with the first value that is not finite. Theta before `start` has been tested and updated.
    const auto check = [&c](size_t start) {
        {% if r.gradient %}
        check_finite(c, {{r.gradient}}, "{{r.signal}}");
        {% endif %}
        check_finite(c, {{r.theta}}, "theta", start);
    };
    {% if r.moments %}
    // Moments of finite gradients may overflow, which is no error of this step.
    check(0);
    {% endif %}
    {% if not r.gradient %}
    const std::vector<{{r.scalar}}> slope(c.size(), 0);
    {% elif r.moments %}
    std::vector<{{r.scalar}}> slope(c.size());
    {% else %}
    const std::vector<{{r.scalar}}> &slope = {{r.gradient}};
    {% endif %}
    {% if r.optimizer == 'Momentum' %}
    momentum({{r.gradient}}, {{r.decays}}[0], {{r.moments[0]}}, slope);
    {% elif r.optimizer == 'Adam' %}
    static const Adam adam({{r.decays}}[0], {{r.decays}}[1], {{r.decays}}[2]);
    adam.direction({{r.gradient}}, c.step, c.birth_step, {{r.moments[0]}}, {{r.moments[1]}}, slope);
    {% endif %}
    // A copy, which cannot overlap with theta, so that the update is vectorised.
    double parameters[{{r.num_parameters}} + 1];
    std::copy_n({{r.parameters}} + {{r.stride}}*number, {{r.num_parameters}}, parameters);
    std::vector<int32_t> crossed;
    sweep(slope, c.polarity, noisy(parameters), c.at(Stream::NOISE),
          [&parameters](double theta, double gradient, double polarity, double nu) {
              return move(theta, gradient, polarity, nu, parameters);
          }, {{'[](size_t) {}' if r.moments else 'check'}}, {{'true' if r.storage in ('existing', 'varying') else 'false'}}, c.size(),
          {{r.theta}}, crossed);
    {% if r.replaces %}
    const double fraction = fraction_in(c.step, {{r.replaces}});
    return fraction > 0 ? weakest({{r.theta}}, fraction) : std::vector<int32_t>();
    {% else %}
    return crossed;
    {% endif %}
}
{% endif %}

// Start the moments of new connections, and write what belongs to them.
void initialise(Connections &c, const std::vector<int32_t> &slots)
{
    for (size_t n = 0; n < slots.size(); n++) {
        const int32_t k = slots[n];
        {% for array in r.moments %}
        {{array}}[k] = 0;
        {% endfor %}
        mark(c, k);
    }
    {% for birth in r.births %}
    {% if birth.code %}
    {{birth.slots}} = slots;
    _run_{{birth.code}}();
    {% else %}
    for (size_t n = 0; n < slots.size(); n++)
        {{birth.array}}[slots[n]] = {{birth.value}}[0];
    {% endif %}
    {% endfor %}
    {% for name, delays in r.birth_delays %}
    check_delays({{delays}}, slots, "{{name}}", "{{owner.name}}");
    {% endfor %}
}

{% if r.storage in ('soft', 'varying') %}
{% include 'rewiring_gaps.cpp' %}
{% endif %}
{% if r.storage == 'soft' %}
{% include 'rewiring_soft_event.cpp' %}
{% endif %}

void do_event(int64_t number)
{
    Connections c = the_connections();
    {% if r.companion %}
    std::vector<double> of_pairs;
    if (fraction_in(c.step + 1, {{r.replaces}}) > 0)
        of_pairs = values_of_pairs(c, {{r.companion.pre}}, {{r.companion.post}}, {{r.companion.values}}, "{{r.companion.signal}}");
    {% endif %}
    const std::vector<int32_t> slots = choose(c, number);
    std::vector<Event> events;
    {% if r.storage == 'soft' %}
    soft_event(c, slots, {{r.parameters}} + {{r.stride}}*number + {{r.num_parameters}}, events);
    {% elif r.storage == 'potential' %}
    if (!slots.empty()) {
        const std::vector<int32_t> born = cross(c, slots, {{r.theta}}, events);
        record(c, born, BIRTH, events);
        {% for pathway in r.pathways %}
        drop_spikes({{pathway.name}}, born);
        {% endfor %}
        for (size_t n = 0; n < slots.size(); n++)
            mark(c, slots[n]);
        initialise(c, born);
        {% for pathway in r.pathways if r.birth_delays %}
        follow({{pathway.name}}, born, owners({{pathway.name}}, born), {{pathway.delays}}, {{pathway.scalar}}, {{pathway.dt}}[0]);
        {% endfor %}
    }
    {% elif r.storage == 'varying' %}
    if (!slots.empty())
        remove(c, slots, events);
    {% elif r.rewires %}
    if (!slots.empty()) {
        {% for pathway in r.pathways %}
        const std::vector<int32_t> before_{{loop.index}} = owners({{pathway.name}}, slots);
        {% endfor %}
        events = {% if r.companion %}replace_at_largest(c, slots, of_pairs){% else %}replace(c, slots){% endif %};
        reset(slots);
        initialise(c, slots);
        {% if r.multisynaptic_index %}
        count_multapses(c, {{r.multisynaptic_index}});
        {% endif %}
        {% for pathway in r.pathways %}
        drop_spikes({{pathway.name}}, slots);
        follow({{pathway.name}}, slots, before_{{loop.index}}, {{pathway.delays}}, {{pathway.scalar}}, {{pathway.dt}}[0]);
        {% endfor %}
    }
    {% endif %}
    {% for array in r.accumulated %}
    std::fill({{array}}.begin(), {{array}}.end(), 0);
    {% endfor %}
    {% if r.companion and r.companion.needed %}
    {{r.companion.needed}}[0] = fraction_in(c.step + 1, {{r.replaces}}) > 0;
    {% endif %}
    {% for log in r.logs %}
    count(events, {{log.count}});
    {% if log.recorded %}
    log_of("{{log.name}}").record("{{r.name}}", c.step, {{r.t}}[0], {{log.samples}}*(double)c.step, {{log.set}}, events);
    {% endif %}
    {% endfor %}
}

}
{% endblock %}

{% block maincode %}
    const int64_t now = {{r.timestep}}[0];
    if (now > 0 && now % {{r.steps}} == 0{% if r.switch %} && {{r.switch}}[0]{% endif %}) {
        {% if r.other_clock %}
        // The clock of the synapses shows the time of the event; it may have advanced to its next tick.
        double &t = {{r.t}}[0];
        const double shown = t, present = {{r.other_clock.t}}[0];
        if (shown - present > {{r.other_clock.epsilon}}*{{r.other_clock.dt}}[0])
            t = present;
        {% endif %}
        do_event(now / {{r.steps}} - {{r.first}});
        {% if r.other_clock %}
        t = shown;
        {% endif %}
    }
{% endblock %}

{% block extra_functions_cpp %}
{% if r.storage == 'potential' %}
// Flags at the start of a run, as theta may have been set.
void _start_{{codeobj_name}}()
{
    const Connections c = the_connections();
    for (size_t k = 0; k < c.pre.size(); k++)
        mark(c, k);
}
{% endif %}
{% endblock %}

{% block before_code %}
    if ({{r.pre}}.size() != {{r.polarity}}.size()) {
        std::cout << "Error: '{{owner.name}}' has " << {{r.pre}}.size() << " synapses, but had " << {{r.polarity}}.size()
                  << " when '{{r.name}}' was created; call connect() first and create the Rewiring last." << std::endl;
        std::exit(1);
    }
    {% if r.storage == 'potential' %}
    void _start_{{codeobj_name}}();
    _start_{{codeobj_name}}();
    {% endif %}
{% endblock %}
