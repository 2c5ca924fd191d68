{# Where the number of slots in use varies: gaps are closed by the last connections. #}
// Move connections to other slots, with all that belongs to them.
void relocate(const std::vector<int32_t> &old_slots, const std::vector<int32_t> &new_slots)
{
    for (size_t n = 0; n < old_slots.size(); n++) {
        {% for array in r.columns %}
        {{array}}[new_slots[n]] = {{array}}[old_slots[n]];
        {% endfor %}
    }
    reset(old_slots);
}

// Relocate the last connections into gaps.
void close_gaps(Connections &c, std::vector<int32_t> gaps, std::vector<Event> &events)
{
    const std::vector<int32_t> old_slots = movers(c, gaps);
    *c.in_use -= (int64_t)gaps.size();
    gaps.resize(old_slots.size());
    {% for pathway in r.pathways %}
    leave({{pathway.name}}, old_slots, owners({{pathway.name}}, old_slots));
    redirect({{pathway.name}}, old_slots, gaps);
    {% endfor %}
    relocate(old_slots, gaps);
    {% for pathway in r.pathways %}
    join({{pathway.name}}, gaps, {{pathway.delays}}, {{pathway.scalar}}, {{pathway.dt}}[0]);
    {% endfor %}
    for (size_t n = 0; n < gaps.size(); n++)
        {% if r.storage == 'soft' %}
        if ({{r.theta}}[gaps[n]] >= 0)
        {% endif %}
            record_move(c, old_slots[n], gaps[n], events);
}
{% if r.storage == 'varying' %}

// Eliminate connections, and form no others.
void remove(Connections &c, const std::vector<int32_t> &slots, std::vector<Event> &events)
{
    record(c, slots, DEATH, events);
    {% for pathway in r.pathways %}
    drop_spikes({{pathway.name}}, slots);
    leave({{pathway.name}}, slots, owners({{pathway.name}}, slots));
    {% endfor %}
    vacate(c, slots);
    reset(slots);
    close_gaps(c, slots, events);
    {% if r.multisynaptic_index %}
    count_multapses(c, {{r.multisynaptic_index}});
    {% endif %}
}
{% endif %}
