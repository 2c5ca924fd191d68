{# An event of soft DEEP R: connections stop being tracked, others return at other sites, and the last ones close gaps. #}
// Let connections below the threshold go, and others return; gives the slots of the connections that form.
std::vector<int32_t> turn_over(Connections &c, const Exchange &found, const Noise &noise,
                               const std::vector<int32_t> &ascended)
{
    enter(found.lost, {{r.theta}}, noise, (int64_t){{r.clock}}[0], c.at(Stream::SOJOURN), {{r.exits}}, {{r.wheel}});
    {% for pathway in r.pathways %}
    drop_spikes({{pathway.name}}, found.lost);
    drop_spikes({{pathway.name}}, ascended);
    leave({{pathway.name}}, found.lost, owners({{pathway.name}}, found.lost));
    leave({{pathway.name}}, ascended, owners({{pathway.name}}, ascended));
    {% endfor %}
    carry_out(c, found);
    reset(found.lost);
    reset(found.returned);
    land(found.returned, noise.sigma, c.at(Stream::LANDING), {{r.overshoots}}, {{r.theta}});
    std::vector<int32_t> born(ascended.size() + found.returned.size());
    std::merge(ascended.begin(), ascended.end(), found.returned.begin(), found.returned.end(), born.begin());
    return born;
}

// Carry out what follows from the theta of a step.
void soft_event(Connections &c, const std::vector<int32_t> &crossed, const double *row, std::vector<Event> &events)
{
    const Noise noise = {row[0], row[1], row[2]};
    const std::vector<int32_t> ascended = cross(c, crossed, {{r.theta}}, events);
    for (size_t n = 0; n < crossed.size(); n++)
        mark(c, crossed[n]);
    const int64_t returning = advance({{r.wheel}}, {{r.clock}}[0], noise.ticks, c.at(Stream::DEEP));
    const Exchange found = exchange(c, {{r.theta}}, {{r.depth}}[0], returning);
    {{r.wheel}}[((int64_t){{r.clock}}[0] + 1) % WHEEL_RING] += found.unplaced;
    {{r.unplaced}}[0] += found.unplaced;
    const std::vector<int32_t> born = turn_over(c, found, noise, ascended);
    record(c, born, BIRTH, events);
    initialise(c, born);
    {% for pathway in r.pathways %}
    join({{pathway.name}}, born, {{pathway.delays}}, {{pathway.scalar}}, {{pathway.dt}}[0]);
    {% endfor %}
    close_gaps(c, std::vector<int32_t>(found.lost.begin() + std::min(found.returned.size(), found.lost.size()),
                                       found.lost.end()), events);
    {% if r.multisynaptic_index %}
    count_multapses(c, {{r.multisynaptic_index}});
    {% endif %}
}
