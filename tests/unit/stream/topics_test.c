/* Which settings a topic may have. */
#include "stream/topics.h"

#include <criterion/criterion.h>

#define TOPICS_MAX 64

static struct ds_topic_spec specs[TOPICS_MAX];

/* The setting of that name; the test fails where the topic has none. */
static const struct ds_topic_setting *setting(const char *topic, const char *name)
{
    size_t count = ds_topics_list(specs, TOPICS_MAX);

    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; specs[t].settings[i].name != NULL; i++)
            if (strcmp(specs[t].name, topic) == 0 && strcmp(specs[t].settings[i].name, name) == 0)
                return &specs[t].settings[i];
    cr_assert_fail("%s has no %s", topic, name);
    return NULL;
}

static bool fits(const char *topic, const char *name, const char *is)
{
    return ds_topic_setting_fits(setting(topic, name), is);
}

Test(topics, events_are_kept_for_ever)
{
    cr_assert(fits("order.events", "retention.ms", "-1"));
    cr_assert_not(fits("order.events", "retention.ms", "604800000"));
    cr_assert_not(fits("order.events", "retention.ms", "9223372036854775806"));
    cr_assert_not(fits("order.events", "retention.bytes", "1073741824"));
    cr_assert(fits("order.events", "cleanup.policy", "delete"));
    cr_assert_not(fits("order.events", "cleanup.policy", "compact"));
    cr_assert_not(fits("order.events", "cleanup.policy", "compact,delete"));
    cr_assert(setting("order.events", "retention.ms")->is_vital);
    cr_assert(setting("order.events", "retention.bytes")->is_vital);
    cr_assert(setting("order.events", "cleanup.policy")->is_vital);
}

Test(topics, commands_and_events_have_the_time_of_the_broker)
{
    cr_assert(fits("order.commands", "message.timestamp.type", "LogAppendTime"));
    cr_assert_not(fits("order.commands", "message.timestamp.type", "CreateTime"));
    cr_assert(setting("order.commands", "message.timestamp.type")->is_vital);
    cr_assert(setting("order.commands", "cleanup.policy")->is_vital);
    cr_assert(fits("order.events", "message.timestamp.type", "LogAppendTime"));
    cr_assert_not(fits("order.events", "message.timestamp.type", "CreateTime"));
    cr_assert_not(setting("order.events", "message.timestamp.type")->is_vital);
}

Test(topics, what_is_kept_longer_fits)
{
    cr_assert(fits("order.commands", "retention.ms", "1209600000"));
    cr_assert(fits("order.commands", "retention.ms", "1209600001"));
    cr_assert(fits("order.commands", "retention.ms", "-1"));
    cr_assert_not(fits("order.commands", "retention.ms", "604800000"));
    cr_assert_not(setting("order.commands", "retention.ms")->is_vital);
}

Test(topics, segments_of_snapshots_are_small)
{
    cr_assert(fits("order.snapshots", "segment.bytes", "1048576"));
    cr_assert_not(fits("order.snapshots", "segment.bytes", "1073741824"));
    cr_assert_not(fits("order.snapshots", "max.compaction.lag.ms", "9223372036854775807"));
}

Test(topics, what_is_not_told_or_no_number_does_not_fit)
{
    cr_assert_not(fits("order.events", "retention.ms", NULL));
    cr_assert_not(fits("order.events", "retention.ms", ""));
    cr_assert_not(fits("order.commands", "retention.ms", "for ever"));
}
