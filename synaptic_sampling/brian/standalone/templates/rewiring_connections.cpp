{# The connections of a Rewiring: arrays of Brian2 and additional ones. #}
{{constants}}
#include "rewiring.h"

namespace {

using namespace brian;
using namespace synaptic_sampling;

Connections the_connections()
{
    const Sites sites = { {{r.num_pre}}, {{r.num_post}}, {{r.forbidden}}, {{r.listed}}, {{r.num_listed}}, {{r.num_sites}}, {{r.multapses}} };
    const Signs signs = { (SignRule){{r.sign_rule}}, {{r.sign_table}}, {{r.threshold}}[0] };
    return Connections{
        {{r.pre}}, {{r.post}}, {{r.num_outgoing}}, {{r.num_incoming}}, {{r.pre_offset}}, {{r.post_offset}},
        {{r.polarity}}, {{r.birth_step}}, {{r.step}}[0], sites, signs, occupied_of("{{r.name}}"),
        {{r.key}}[0], {{r.key}}[1]
    };
}

}
