{# Writes all connections before the first run and after each; events are written by the Rewiring. #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
{{constants}}
#include "log.h"

using namespace brian;
using namespace synaptic_sampling;

namespace {

void take_snapshots()
{
    {% for one in m.sets %}
    log_of("{{m.name}}").snapshot({{one.step}}[0], {{loop.index0}},
        shifted({{one.pre}}, {{one.pre_offset}}), shifted({{one.post}}, {{one.post_offset}}),
        {{one.theta or 'std::vector<double>(' + one.pre + '.size())'}}, "{{one.dtype}}", {{one.polarity}});
    {% endfor %}
}

}

void _start_{{codeobj_name}}()
{
    if (!log_of("{{m.name}}").is_open()) {
        log_of("{{m.name}}").open(results_dir + "{{m.file}}");
        take_snapshots();
    }
}

void _end_{{codeobj_name}}()
{
    take_snapshots();
}
{% endblock %}

{% block before_code %}
    void _start_{{codeobj_name}}();
    _start_{{codeobj_name}}();
{% endblock %}

{% block after_code %}
    void _end_{{codeobj_name}}();
    _end_{{codeobj_name}}();
{% endblock %}
