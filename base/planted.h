/* base/planted.h - mistakes planted for the simulation (tests/sim), each breaking one rule.
 *
 * A tester that never finds anything may be blind. The simulation compiles its own copy of some
 * sources with DS_PLANTED_BUGS and switches one mistake on at a time; it must find each. Everywhere
 * else DS_PLANTED is false at compile time and leaves nothing behind. */
#ifndef DS_BASE_PLANTED_H
#define DS_BASE_PLANTED_H

enum ds_planted {
    DS_PLANTED_NOTHING,
    DS_PLANTED_NONCE,         /* R1: any Claim of the epoch is taken for the own */
    DS_PLANTED_TORN,          /* R2: what a torn decision says counts */
    DS_PLANTED_SAME_EPOCH,    /* R3: after a failed delivery the seq is used again */
    DS_PLANTED_FULL,          /* R4: a record that finds the queue full is left out */
    DS_PLANTED_OFFSET,        /* R5: a reported offset is believed */
    DS_PLANTED_MEMBER,        /* R6: a Claim without membership */
    DS_PLANTED_SILENCE,       /* R6: an owner that the group does not hear goes on */
    DS_PLANTED_DEAD_LETTER,   /* R9: a dead letter leaves before its InputRejected is confirmed */
    DS_PLANTED_TIMER,         /* R10: a deadline fires before the inputs are read */
    DS_PLANTED_IDS,           /* R11: command ids are forgotten */
    DS_PLANTED_MEMORY,        /* R12: memory is kept although the log ends elsewhere */
    DS_PLANTED_OPEN,          /* R13: an Open is not held against what was read */
    DS_PLANTED_SEQ,           /* F: any seq of the epoch counts */
    DS_PLANTED_EPOCH,         /* F: a record of an older epoch counts where its seq fits */
    DS_PLANTED_HALF_DECISION, /* a reader hands out a decision that is not complete */
    DS_PLANTED_POSITION,      /* a position is moved without a look at what it was */
    DS_PLANTED_TALLY,         /* an event is added to the analytics again */
    DS_PLANTED_COUNT,
};

#ifdef DS_PLANTED_BUGS
extern enum ds_planted ds_planted;
#define DS_PLANTED(bug) (ds_planted == DS_PLANTED_##bug)
#else
#define DS_PLANTED(bug) (false)
#endif

#endif
