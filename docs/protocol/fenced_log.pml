/* fenced_log.pml - one partition of <name>.events under the fenced-log protocol (docs/protocol.md), for spin 6.5.
 *
 * `dev/test protocol` runs it: docs/protocol/runs.txt holds the runs, their bounds and the mutants.
 *
 * What is always modelled
 *   - NOWN would-be owners. Every attempt at a Claim has a nonce of its own and, at will, a fresh producer session or the one it
 *     had. An owner may crash or drop its task at any step, between the records of one decision too; and it may go on writing
 *     for ever after it was fenced or a delivery failed: noticing is a step that need not be taken.
 *   - The network: a FIFO a session. Its head may be appended at any later time (its owner dead, other Claims in between), be
 *     lost (the session has failed; later records still go through: a gap), be taken out and delayed without bound (the delivery
 *     fails as "unknown", the record may land yet), or be copied (the resend of another producer id, which no broker recognises).
 *     NLOSS, NSTEAL, NDUP bound how often.
 *   - Two inputs. A record of source 0 yields a decision of TWO records (it can be torn); of source 1 a decision of one, and its
 *     offset 0 nothing. cause = (source, offset). In which order the two are read is up to the owner.
 *   - State = (next input of each source, digest). The digest is of order and content (cause, and the nonce that decided it), and
 *     a record carries the digest it was decided on, so "what the owner held" can be compared with "the fold of the log".
 *   - Rule F is applied when a record is appended, which is the same as each reader applying it in the order of offsets.
 *
 * What an option adds
 *   REPORT  delivery reports with offsets, true, missing or wrong; what is confirmed, and settling by reading (R5)
 *   OPEN    seq 1 of each epoch is an Open; a Progress names inputs that yielded nothing
 *   KEEP    memory that ends where the fold ends is kept over a claim (R12)
 *   SNAP    snapshots (R8)
 *   READER  a reader that restarts from a saved position (R2)           POISON an input that cannot be decoded, dead letters (R9)
 *   TIMER   deadlines, clocks that differ, inputs that arrive late (R10)  REPEAT one command at two offsets (R11)
 *   TRUNC   a broker that loses NTRUNC records it had acknowledged, and a reader that may have read them before (R13)
 *   LIVE    faults are bounded and owner 0 claims again: nothing may be stuck
 *
 * What must hold (of DELIVERED decisions, that is of what a reader sees)
 *   P1  an input is decided at most once, in the order of its source    P2  no input that yields something is passed over
 *   P3  a decision is delivered whole, from one writer                  P4  the state it was decided on is the fold
 *   P5  what counts was written by the nonce that won the epoch         P6  a snapshot is the fold at its position
 *   P7  a reader that restarts delivers the same records                P8  when nothing can happen any more all is decided
 *   P9  an intact log never shows what readers take for damage          P10 who reads past an Open held what the log holds
 *   P11 what is confirmed counts                                        P12 a deadline does not overtake what was there before it
 *   P13 a deadline is decided once                                      P14 time in the log does not run back
 *   P15 a command takes effect once                                     P16 a dead letter's input is rejected in the log,
 *       and what the log notes as sent is sent
 *   P17 memory that is kept is the fold
 *
 * Mutants: -DM_<NAME>, each breaks one rule and must be refuted. Variants: -DV_<NAME> must hold as well. Limits: -DL_<NAME> gives
 * the broker a fault that the rules do not cover, and must be refuted, so that nobody believes it is covered.
 */
#ifndef NOWN
#define NOWN 2
#endif
#ifndef NSESS /* attempts at a Claim in all */
#define NSESS 2
#endif
#ifndef LOGMAX
#define LOGMAX 9
#endif
#ifndef QCAP /* records handed over and not yet appended, a session */
#define QCAP 3
#endif
#ifndef N0
#define N0 2
#endif
#ifndef N1
#define N1 2
#endif
#ifndef NLOSS
#define NLOSS 1
#endif
#ifndef NSTEAL
#define NSTEAL 1
#endif
#ifndef NDUP
#define NDUP 1
#endif
#ifndef NREST
#define NREST 1
#endif
#ifndef NWRONG
#define NWRONG 1
#endif
#ifndef NTRUNC
#define NTRUNC 1
#endif
#ifdef TRUNC
#define OPEN
#endif
#if defined(READER) || defined(REPORT) || defined(TRUNC)
#define LOGGED
#endif
#if defined(LOGGED) || defined(OPEN)
#define OFFSETS
#endif
/* flags of a record */
#define MORE 1
#define IDX1 2 /* the second of its decision */
#define POS 4  /* Open or Progress; with the positions of both inputs */
#define POSITIONS(a, b) ((a) << 3 | (b) << 5)
#define STAMP(t) ((t) << 3) /* TIMER: the time it was decided */
#define REP 128             /* REPEAT: CommandRepeated */
#define REJ 128             /* POISON: InputRejected */
#define NOTE 64             /* POISON: a Progress, by which the dead letter is written */

#define CAUSE(src, off) ((src) << 4 | (off))
#define SRC(c) ((c) >> 4)
#define OFF(c) ((c) & 15)
#define PLACE(e, s) ((e) << 4 | (s))
#define MIX(d, c, w) (((d) * 31 + (c) * 7 + (w) + 1) % 251)
#if defined(TIMER) || defined(REPEAT) || defined(POISON)
#define NOYIELD(src, off) 0
#else
#define NOYIELD(src, off) ((src) == 1 && (off) == 0)
#endif

/* pan prints the expression of an assertion that fails: so the property's name is part of it. */
hidden byte ok_P1 = 1, ok_P2 = 1, ok_P3 = 1, ok_P4 = 1, ok_P5 = 1, ok_P6 = 1, ok_P7 = 1, ok_P8 = 1, ok_P9 = 1,
            ok_P10 = 1, ok_P11 = 1, ok_P12 = 1, ok_P13 = 1, ok_P14 = 1, ok_P15 = 1, ok_P16 = 1, ok_P17 = 1;
#define CHECK(p, cond) assert(ok_##p && (cond))

/* ---- the log, rule F, and the fold. Only what can still matter is kept: the log itself where somebody reads it -------------- */
typedef Rec { byte ep; byte sq; byte who; byte cau; byte flg; byte pre };  /* sq 0: a Claim. who: the attempt's nonce */
byte fE, fS, fW;              /* rule F: current epoch, last seq, winner's nonce */
byte pn, pCau, pWho, pPre;    /* the decision that is not complete yet */
byte n0, n1, D;               /* the fold: next input of each source, digest */
typedef Cl {                  /* an attempt: its Claim is in the log; rule F and the fold just after it */
    bit want; bit landed; byte ep; byte who; byte n0; byte n1; byte d;
#ifdef OFFSETS
    byte off;
#endif
#ifdef OPEN
    byte before;
#ifdef V_TAG
    byte tag;
#endif
#endif
#ifdef KEEP
    byte end;                 /* where the fold ended: place of the last delivered record */
#endif
#ifdef TIMER
    byte dl; byte la;
#endif
#ifdef REPEAT
    bit seen;
#endif
#ifdef POISON
    bit owed;
#endif
};
Cl cl[NSESS];
#ifdef OFFSETS
byte hw;                      /* the log's end */
#endif
#ifdef LOGGED
Rec lg[LOGMAX];
#define ROOM (hw < LOGMAX)
#else
#define ROOM 1
#endif
#ifdef OPEN
byte fC, fB;                  /* the last valid Claim: its offset; rule F's place just before it */
#ifdef V_TAG
byte fT;                      /* and the winner before it */
#endif
#endif
#ifdef SNAP
byte vD[NSESS];               /* per nonce: the digest after the last delivered decision */
#endif
#if defined(SNAP) || defined(REPORT)
byte vS[NSESS];               /* per nonce: last seq that counts */
byte aS[NSESS];               /* and last seq appended, whether it counts or not */
#endif
#ifdef M_GROUPOFF               /* mutant: inputs are resumed where the group's offset says */
byte group1;                  /* of source 1; committed for lag tools of what is handed over */
#endif
#ifdef READER
bit del[LOGMAX]; byte p0;     /* delivered, by offset; offset of the pending decision's first record */
#endif
#ifdef KEEP
byte dP;                      /* place of the last delivered record, or of the Claim */
#endif
#ifdef TIMER
byte dl, la, tf;              /* the fold: a deadline due at 1 or 2, or none; time of the last event; deadlines decided so far */
byte now, av1, at[3];         /* the time; records of source 1 that have arrived, by now and when the time became 1 and 2 */
#endif
#ifdef REPEAT
bit seen;                     /* the fold: the command at offsets 0 and 1 of source 1 has taken effect */
#endif
#ifdef POISON
bit ver, dlq;                 /* the version that new attempts run; the dead letter was written */
bit rej, noted;               /* the fold: the input is rejected; its letter needs no sending any more */
#endif
#ifdef TRUNC
bit dmg;                      /* a reader from offset 0 stops at damage here */
byte ntrunc = NTRUNC;
#define DAMAGE dmg = 1
#define INTACT (!dmg)
#else
#define DAMAGE CHECK(P9, 0)
#define INTACT 1
#endif

/* ---- the network -------------------------------------------------------------------------------------------------------------- */
chan q[NSESS] = [QCAP] of { byte, byte, byte, byte, byte, byte };
bit failed[NSESS];
byte claims;                  /* attempts so far: the next nonce and the next session */
byte nloss = NLOSS, nsteal = NSTEAL, ndup = NDUP;
Rec bag[2]; bit inbag[2];     /* delayed or copied records */
#ifdef REPORT
chan rep[NSESS] = [6] of { byte, byte };  /* to an attempt: seq, and reported offset + 1, or 0 for none */
byte nwrong = NWRONG;
#endif

hidden byte x_i, x_t, x_ok, x_o, x_e, x_s, x_n, x_c, x_w, x_d;
Rec r;

/* ---- a decision is delivered ---------------------------------------------------------------------------------------------------- */
#ifdef M_TIMERSTAYS             /* mutant: the decision leaves its deadline in place */
#define AFTER_TIMER(t) t
#else
#define AFTER_TIMER(t) (t == 1 -> 2 : 0)  /* the first moves it, the second clears it */
#endif
inline deliver_timer() {
#ifdef TIMER
    CHECK(P12, n1 >= at[OFF(r.cau)]);
    CHECK(P13, dl > 0 && (tf & (1 << OFF(r.cau))) == 0);
    tf = tf | (1 << OFF(r.cau));
    dl = AFTER_TIMER(dl)
#endif
    skip
}
inline deliver_source1() {
    CHECK(P1, OFF(r.cau) >= n1);
    x_i = n1;
    do
    :: x_i < OFF(r.cau) -> CHECK(P2, NOYIELD(1, x_i)); x_i++
    :: else -> break
    od;
    n1 = OFF(r.cau) + 1;
#ifdef TIMER
    if :: OFF(r.cau) == 0 -> dl = 0 :: else fi;                     /* what the deadline was waiting for */
#endif
#ifdef REPEAT
    if
    :: r.flg & REP -> CHECK(P15, seen)
    :: else -> CHECK(P15, !seen); seen = 1
    fi;
#endif
#ifdef POISON
    if
    :: OFF(r.cau) == 0 && (r.flg & REJ) -> rej = 1
    :: OFF(r.cau) == 0 && !(r.flg & REJ) -> CHECK(P16, !dlq)
    :: else
    fi;
#endif
    x_i = 0
}
inline deliver() {
    if
    :: SRC(r.cau) == 0 -> CHECK(P1, OFF(r.cau) >= n0); CHECK(P2, OFF(r.cau) <= n0); n0 = OFF(r.cau) + 1
#ifdef TIMER
        ; dl = 1                                                     /* it sets a deadline */
#endif
    :: SRC(r.cau) == 1 -> deliver_source1()
    :: else -> deliver_timer()
    fi;
#ifdef TIMER
    CHECK(P14, (r.flg >> 3 & 3) >= la); la = r.flg >> 3 & 3;
#endif
    D = MIX(D, r.cau, r.who)
}

#ifdef V_TAG
#define FOLLOWS (r.flg >> 3 == fT)
#else
#define FOLLOWS 1
#endif
/* An Open or a Progress: what it says of the inputs must be so. */
inline deliver_positions() {
#ifdef OPEN
    if
    :: r.sq == 1 && (r.cau != fC || r.pre != fB || !FOLLOWS) -> DAMAGE
    :: else
    fi;
#ifndef V_TAG                   /* there the winner before stands in the place of the positions */
    CHECK(P2, (r.flg >> 3 & 3) <= n0);
    x_i = n1;
    do
    :: x_i < (r.flg >> 5 & 3) -> CHECK(P2, NOYIELD(1, x_i)); x_i++
    :: else -> break
    od;
    n1 = x_i; x_i = 0
#endif
#endif
    skip
}

/* ---- rule F ----------------------------------------------------------------------------------------------------------------------- */
#ifdef M_GE                     /* mutant: a Claim with the current epoch counts as well */
#define CLAIM_OK (r.ep >= fE)
#elif defined(V_GT)             /* variant: any later epoch */
#define CLAIM_OK (r.ep > fE)
#else
#define CLAIM_OK (r.ep == fE + 1)
#endif
#ifdef V_TAG                    /* variant: a record names its Claim, not only the epoch's number */
#define TAG_OK (r.who == fW)
#else
#define TAG_OK 1
#endif
#if defined(M_NOSEQ)
#define REC_OK (r.ep == fE)
#elif defined(M_NOEPOCH)
#define REC_OK (r.sq == fS + 1 || r.ep != fE)
#else
#define REC_OK (r.ep == fE && r.sq == fS + 1 && TAG_OK)
#endif

inline take_claim(o) {
#ifdef M_NOMORE
    CHECK(P3, pn == 0);                                              /* half a decision had been shown */
#endif
#ifdef M_TORNPOS
    x_t = (pn > 0 && SRC(pCau) == 0 -> OFF(pCau) + 1 : 0);
#endif
#ifdef KEEP
    x_e = dP; dP = PLACE(r.ep, 0);
#endif
#ifdef OPEN
#ifdef V_CHAIN                  /* variant: what an ownerless Claim stood on is not forgotten */
    if :: fS > 0 || fE == 0 -> fB = PLACE(fE, fS)
#ifdef V_TAG
        ; fT = fW
#endif
    :: else fi;
#else
    fB = PLACE(fE, fS);
#ifdef V_TAG
    fT = fW;
#endif
#endif
    fC = o;
#endif
    fE = r.ep; fS = 0; fW = r.who; pn = 0; pCau = 0; pWho = 0; pPre = 0
}

inline complete(o) {
#ifdef READER
    del[o] = 1; del[p0] = 1; p0 = 0;
#endif
#ifdef SNAP
    vD[r.who] = D;
#endif
#ifdef KEEP
    dP = PLACE(r.ep, r.sq);
#endif
    pn = 0; pCau = 0; pWho = 0; pPre = 0
}

inline take_record(o) {
    fS = r.sq;
#if defined(SNAP) || defined(REPORT)
    vS[r.who] = r.sq;
#endif
#ifndef NOP5
    CHECK(P5, r.who == fW);
#endif
    if
#ifdef POISON
    :: r.flg & NOTE -> CHECK(P16, dlq); noted = 1; complete(o)
#endif
    :: r.flg & POS -> deliver_positions();
#ifdef READER
        p0 = o;
#endif
        complete(o)
    :: else ->
        if
        :: (r.flg & IDX1) == 0 ->
            CHECK(P3, pn == 0);
            CHECK(P4, r.pre == D);
            pn = 1; pCau = r.cau; pWho = r.who; pPre = r.pre;
#ifdef READER
            p0 = o;
#endif
#ifdef M_NOMORE
            deliver()
#endif
        :: else ->
            CHECK(P3, pn == 1 && pCau == r.cau && pWho == r.who && pPre == r.pre);
            pn = 2
        fi;
        if
        :: (r.flg & MORE) == 0 ->
#ifndef M_NOMORE
            deliver();
#endif
            complete(o)
        :: else
        fi
    fi
}

inline judge(o) {               /* r, at offset o, in the order of offsets */
    if
    :: !INTACT -> skip
    :: INTACT && r.sq == 0 ->
        if
        :: CLAIM_OK -> take_claim(o)
        :: else -> if :: r.ep > fE + 1 -> DAMAGE :: else fi
        fi
    :: INTACT && r.sq > 0 ->
        if
        :: REC_OK -> take_record(o)
        :: else ->
            if
            :: r.ep > fE -> DAMAGE
#ifdef V_TAG
            :: r.ep == fE && !TAG_OK -> DAMAGE
#endif
            :: else
            fi
        fi
    fi
}

inline clear_r() { r.ep = 0; r.sq = 0; r.who = 0; r.cau = 0; r.flg = 0; r.pre = 0 }
inline clear_x() { x_i = 0; x_ok = 0; x_t = 0; x_e = 0; x_o = 0 }

/* The attempt whose Claim this is reads on to it: what it finds is what the log holds up to there. */
inline note_landed() {
    if
    :: r.sq == 0 && cl[r.who].want && !cl[r.who].landed ->
        cl[r.who].landed = 1; cl[r.who].ep = fE; cl[r.who].who = fW;
        cl[r.who].n0 = (x_t > n0 -> x_t : n0); cl[r.who].n1 = n1; cl[r.who].d = D;
#ifdef OFFSETS
        cl[r.who].off = hw;
#endif
#ifdef OPEN
        cl[r.who].before = fB;
#ifdef V_TAG
        cl[r.who].tag = fT;
#endif
#endif
#ifdef KEEP
        cl[r.who].end = x_e;
#endif
#ifdef TIMER
        cl[r.who].dl = dl; cl[r.who].la = la;
#endif
#ifdef REPEAT
        cl[r.who].seen = seen;
#endif
#ifdef POISON
        cl[r.who].owed = (rej && !noted -> 1 : 0);
#endif
    :: else
    fi
}

inline append() {               /* r; the caller is in d_step */
#if defined(SNAP) || defined(REPORT)
    if :: r.sq > aS[r.who] -> aS[r.who] = r.sq :: else fi;
#endif
#ifdef OFFSETS
    x_o = hw;
#endif
    judge(x_o);
    note_landed();
#ifdef LOGGED
    lg[hw].ep = r.ep; lg[hw].sq = r.sq;
#if defined(READER) || defined(TRUNC)
    lg[hw].cau = r.cau; lg[hw].flg = r.flg;
#endif
#ifdef TRUNC
    lg[hw].who = r.who; lg[hw].pre = r.pre;
#endif
#endif
#ifdef OFFSETS
    hw++;
#endif
    clear_r(); clear_x()
}

#ifdef TRUNC
/* The last record is gone, though it was acknowledged and may have been read. */
inline cut() {
    hw--;
    lg[hw].ep = 0; lg[hw].sq = 0; lg[hw].who = 0; lg[hw].cau = 0; lg[hw].flg = 0; lg[hw].pre = 0;
    fE = 0; fS = 0; fW = 0; fC = 0; fB = 0; pn = 0; pCau = 0; pWho = 0; pPre = 0; n0 = 0; n1 = 0; D = 0; dmg = 0;
#ifdef V_TAG
    fT = 0;
#endif
    x_o = 0;
    do
    :: x_o < hw ->
        r.ep = lg[x_o].ep; r.sq = lg[x_o].sq; r.who = lg[x_o].who; r.cau = lg[x_o].cau; r.flg = lg[x_o].flg; r.pre = lg[x_o].pre;
        judge(x_o); x_o++
    :: else -> break
    od;
    clear_r(); clear_x()
}
#ifdef L_CUTCLAIM               /* limit: a Claim that was won may be lost as well */
#define MAYCUT (ntrunc > 0 && hw > 0)
#else
#define MAYCUT (ntrunc > 0 && fE > 0 && hw > fC + 1)
#endif
#endif

/* ---- the network: everything a broker, a TCP connection and a client's retries may do to what was handed to them --------------- */
#define HAS(k) (k < NSESS && len(q[(k < NSESS -> k : 0)]) > 0)
inline pick() { if :: HAS(0) -> s = 0 :: HAS(1) -> s = 1 :: HAS(2) -> s = 2 :: HAS(3) -> s = 3 :: HAS(4) -> s = 4 :: HAS(5) -> s = 5
                :: HAS(6) -> s = 6 :: HAS(7) -> s = 7 fi }
#define ANY (HAS(0) || HAS(1) || HAS(2) || HAS(3) || HAS(4) || HAS(5) || HAS(6) || HAS(7))
inline take() { q[s]?r.ep,r.sq,r.who,r.cau,r.flg,r.pre }
inline to_bag(b) {
    bag[b].ep = r.ep; bag[b].sq = r.sq; bag[b].who = r.who; bag[b].cau = r.cau; bag[b].flg = r.flg; bag[b].pre = r.pre; inbag[b] = 1
}
inline from_bag(b) {
    r.ep = bag[b].ep; r.sq = bag[b].sq; r.who = bag[b].who; r.cau = bag[b].cau; r.flg = bag[b].flg; r.pre = bag[b].pre;
    bag[b].ep = 0; bag[b].sq = 0; bag[b].who = 0; bag[b].cau = 0; bag[b].flg = 0; bag[b].pre = 0; inbag[b] = 0
}
#ifdef REPORT
inline report(o) {              /* reports of an attempt that was given up are nobody's */
    if :: r.sq > 0 && cl[r.who].want -> CHECK(P11, nfull(rep[r.who])); rep[r.who]!r.sq,(o) :: else fi
}
#define REPORTED report(hw + 1)
#else
#define REPORTED skip
#endif

active proctype Net() {
    byte s;
#ifdef L_LIE
    byte z;
#endif
end_net:
    do
    :: atomic { ROOM && ANY -> pick(); d_step { take(); REPORTED; append(); s = 0 } }        /* appended and acknowledged */
    :: atomic { nloss > 0 && ANY -> nloss--; pick(); d_step { take(); failed[s] = 1; clear_r(); s = 0 } }        /* lost */
    :: atomic { nsteal > 0 && ANY && !(inbag[0] && inbag[1]) -> nsteal--; pick();            /* unknown: may still land */
                d_step { take(); failed[s] = 1; if :: !inbag[0] -> to_bag(0) :: else -> to_bag(1) fi; clear_r(); s = 0 } }
    :: atomic { ndup > 0 && ANY && !(inbag[0] && inbag[1]) -> ndup--; pick();                /* a second copy, other PID */
                d_step { q[s]?<r.ep,r.sq,r.who,r.cau,r.flg,r.pre>;
                         if :: !inbag[0] -> to_bag(0) :: else -> to_bag(1) fi; clear_r(); s = 0 } }
    :: d_step { ROOM && inbag[0] -> from_bag(0); append() }
    :: d_step { ROOM && inbag[1] -> from_bag(1); append() }
#ifdef REPORT
    /* A repeat that the broker recognised: a success without an offset, or with a small number in its place (a batch that is
     * numbered -1, 0, 1 ... because the answer names no base). */
    :: atomic { nwrong > 0 && ROOM && ANY -> nwrong--; pick(); d_step { take(); report(0); append(); s = 0 } }
    :: atomic { nwrong > 0 && ROOM && ANY -> nwrong--; pick(); d_step { take(); report(r.sq - 1); append(); s = 0 } }
    /* A success of what is not in the log: its own fate was unknown, and a later one's was taken for it. */
    :: atomic { nwrong > 0 && nloss > 0 && ANY -> nwrong--; nloss--; pick(); d_step { take(); report(0); clear_r(); s = 0 } }
#ifdef L_LIE                    /* limit: any wrong offset before the true one */
    :: atomic { nwrong > 0 && ROOM && ANY -> nwrong--; pick(); z = 0; do :: z < hw -> z++ :: break od;
                d_step { take(); report(z); append(); s = 0; z = 0 } }
#endif
#endif
#ifdef TRUNC
    :: d_step { MAYCUT -> ntrunc--; cut() }
#endif
#ifdef POISON
    :: ver == 0 -> ver = 1                                                                   /* an upgrade */
#endif
    od
}

#ifdef TIMER
active proctype Clock() {
end_clock:
    do
    :: d_step { now < 2 -> now++; at[now] = av1 }
    :: av1 < N1 -> av1++
    od
}
#define ARRIVED av1
#else
#define ARRIVED N1
#endif

/* ---- an owner ------------------------------------------------------------------------------------------------------------------- */
#ifdef LIVE
#ifndef C1
#define C1 1                  /* claims of the owners that do not stay */
#endif
#ifndef NCRASH
#define NCRASH 1
#endif
byte ncrash = NCRASH, c1 = C1;
#ifdef M_NOMEMBER               /* mutant: who was deposed claims again, member of the group or not */
#define MAYCLAIM (claims < NSESS)
#else
#define MAYCLAIM (claims < NSESS && (me == 0 || c1 > 0))
#endif
#define FREEDROP (ncrash > 0)
#define SPEND ncrash--
#define STOP 1
#else
#define MAYCLAIM (claims < NSESS && (me == 0 || claims > 0) && INTACT)  /* who is first does not matter: symmetry */
#define SPEND skip
#define STOP (claims < NSESS)
#define FREEDROP (claims < NSESS)  /* stopping for good is the same as not being scheduled any more */
#endif

/* A snapshot of (ep, sq, d) would be published now: what it waits for is the point. */
inline snapshot() {
#ifdef SNAP
    d_step {
        if
#if defined(M_SNAPACK)
        :: sq > 0 && aS[nc] >= sq ->                          /* mutant: acknowledged is enough */
#elif defined(M_SNAPNOW)
        :: sq > 0 ->                                          /* mutant: no waiting at all */
#elif defined(REPORT)
        :: sq > 0 && conf == sq ->
#else
        :: sq > 0 && vS[nc] == sq && !(pn > 0 && fW == nc) -> /* confirmed: it counts, and is not only acknowledged */
#endif
            CHECK(P6, vS[nc] == sq && vD[nc] == d)
        :: else
        fi
    }
#endif
    skip
}

inline resume_from_group() {
#ifdef M_GROUPOFF
    d_step {
        x_i = m1;
        do :: x_i < group1 -> CHECK(P2, NOYIELD(1, x_i)); x_i++ :: else -> break od;
        m1 = x_i; x_i = 0
    }
#endif
    skip
}

/* R5. The caller is in d_step. x_ok: the epoch is over. */
inline settle() {
#ifdef REPORT
    do
    :: ex < hw && !x_ok ->
        if
#ifndef M_NOWATCH
        :: lg[ex].sq == 0 && lg[ex].ep == ep + 1 -> x_ok = 1                     /* a foreign Claim that counts */
        :: lg[ex].sq > conf + 1 && lg[ex].ep == ep -> x_ok = 1                   /* an own record that does not */
#endif
        :: lg[ex].sq == conf + 1 && lg[ex].ep == ep -> conf++; ex++; CHECK(P11, vS[nc] >= conf)
        :: else -> ex++                                                          /* strangers and zombies take offsets too */
        fi
    :: else -> break
    od
#endif
    skip
}
inline take_report() {
#ifdef REPORT
    x_ok = 0;
    rep[nc]?x_s,x_o;
    if
    :: x_s <= conf -> skip
#if defined(M_TRUSTOFF)         /* mutant: a success with an offset, any, is a confirmation */
    :: x_s > conf && x_o > 0 -> conf = x_s; ex = x_o; CHECK(P11, vS[nc] >= conf)
    :: x_s > conf && x_o == 0 -> settle()
#elif defined(M_TRUSTACK)       /* mutant: so is one without */
    :: x_s == conf + 1 && (x_o == 0 || x_o == ex + 1) -> conf++; ex++; CHECK(P11, vS[nc] >= conf)
    :: else -> settle()
#else
    :: x_s == conf + 1 && x_o == ex + 1 -> conf++; ex++; CHECK(P11, vS[nc] >= conf)
    :: else -> settle(); if :: conf < x_s -> x_ok = 1 :: else fi        /* acknowledged, and nowhere: doubt */
#endif
    fi;
    x_s = 0; x_o = 0
#endif
    skip
}

#ifdef TIMER
/* Owner 0 has the true time, owner 1's clock is slow. */
#define CLK (now > me -> now - me : 0)
#ifdef M_CLOCK                  /* mutant: the own clock, whatever the log says */
#define TIME CLK
#else
#define TIME (CLK > stamp -> CLK : stamp)
#endif
#define STAMPED STAMP(stamp)
#define TICK stamp = TIME
#if defined(M_EARLYTIMER)       /* mutant: due is enough */
#define MAYASK 0
#define MAYFIRE (CLK >= due)
#elif defined(M_OLDEND)         /* mutant: an end that was asked for before the deadline passed will do */
#define MAYASK (ask == 0)
#define MAYFIRE (CLK >= due && ask > 0 && m0 >= N0 && m1 >= b1)
#else
#define MAYASK (CLK >= due && ask < due)
#define MAYFIRE (ask >= due && m0 >= N0 && m1 >= b1)
#endif
#ifdef M_NOIDENT                /* mutant: the cause says "a timer" and not which */
#define DUE 0
#else
#define DUE due
#endif
#else
#define STAMPED 0
#define TICK skip
#endif

#ifdef POISON
#define DECODES (m1 > 0 || v == 1)
#ifdef M_DLQEARLY               /* mutant: the dead letter does not wait for its rejection */
#define MAYLEAVE 1
#else
#define MAYLEAVE (conf >= dls)
#endif
#ifdef M_NOTEEARLY              /* mutant: a letter is noted when it is sent, not when the topic has it */
#define MAYNOTE (wrote || (dls > 0 && MAYLEAVE))
#else
#define MAYNOTE wrote
#endif
#else
#define DECODES 1
#endif

inline forget() {               /* what the task knew of its attempt */
    cl[nc].want = 0; cl[nc].landed = 0; cl[nc].ep = 0; cl[nc].who = 0; cl[nc].n0 = 0; cl[nc].n1 = 0; cl[nc].d = 0;
#ifdef OFFSETS
    cl[nc].off = 0;
#endif
#ifdef OPEN
    cl[nc].before = 0; told = 0;
#ifdef V_TAG
    cl[nc].tag = 0;
#endif
#endif
#ifdef KEEP
    cl[nc].end = 0;
#endif
#ifdef TIMER
    cl[nc].dl = 0; cl[nc].la = 0; due = 0; stamp = 0; ask = 0; b1 = 0;
#endif
#ifdef REPEAT
    cl[nc].seen = 0; w = 0;
#endif
#ifdef REPORT
    conf = 0; ex = 0;
    do :: nempty(rep[nc]) -> rep[nc]?_,_ :: empty(rep[nc]) -> break od;
#endif
#ifdef POISON
    cl[nc].owed = 0; v = 0; dls = 0; owes = 0; wrote = 0;
#endif
    nc = 0; ep = 0; sq = 0; m0 = 0; m1 = 0; d = 0
}

proctype Owner(byte me) {
    byte s, nc, ep, sq, m0, m1, d;
    bit has;                                                    /* has a producer session it could go on with */
#ifdef REPORT
    byte conf, ex;                                              /* confirmed so far; where the next must turn up */
#endif
#ifdef OPEN
    byte told;                                                  /* position of source 1 that the log knows of */
#endif
#ifdef KEEP
    byte kP, k0, k1, kd;                                        /* memory of the epoch before, and where it ends */
#endif
#ifdef TIMER
    byte due, stamp, ask, b1;                                      /* when the ends were asked for, and the end of source 1 then */
#endif
#ifdef REPEAT
    bit w;                                                      /* the command id is in the window */
#endif
#ifdef POISON
    bit owes, wrote;                                            /* a letter of before is to be sent; one is, and is not noted */
    bit v; byte dls;                                            /* the version; seq of the rejection whose dead letter waits */
#endif
idle:
end_idle:
    atomic { MAYCLAIM ->
        nc = claims; claims++; cl[nc].want = 1;
#ifdef LIVE
        if :: me > 0 && c1 > 0 -> c1-- :: else fi;
#endif
#ifdef POISON
        v = ver;
#endif
        if
        :: has && !failed[s] && len(q[s]) < QCAP                /* same producer instance: unsent batches stay before the Claim */
        :: s = nc                                               /* a new one: nothing dedups it against the old one's batches */
        fi;
        has = 1; ep = fE + 1;                                   /* (1) read to the end; how fresh "the end" is does not matter */
#ifdef M_NOREADBACK
        m0 = n0; m1 = n1; d = D;
#endif
        q[s]!ep,0,nc,0,0,0                                      /* (2) */
    };
end_claimed:
    do
    :: atomic { cl[nc].landed ->                              /* (3) read on up to it */
#if defined(M_SAMEID)                                           /* mutant: the owner id is the pod's name */
        if :: cl[nc].ep == ep
#elif defined(M_LOSER)                                          /* mutant: a loser writes */
        if :: 1
#else
        if :: cl[nc].ep == ep && cl[nc].who == nc && INTACT
#endif
        ->
#if defined(M_RENUMBER)                                         /* mutant: this version numbers its inputs anew */
            m0 = cl[nc].n1; m1 = cl[nc].n0; d = cl[nc].d;
#elif !defined(M_NOREADBACK)
            m0 = cl[nc].n0; m1 = cl[nc].n1; d = cl[nc].d;   /* (4) */
#endif
#ifdef KEEP
            if
#ifdef M_KEEPALL                                                /* mutant: memory is kept without comparing */
            :: kP > 0 -> m0 = k0; m1 = k1; d = kd
#else
            :: kP > 0 && kP == cl[nc].end -> CHECK(P17, k0 == m0 && k1 >= m1 && kd == d); m1 = k1
#endif
            :: else
            fi;
            kP = 0; k0 = 0; k1 = 0; kd = 0; cl[nc].end = 0;
#endif
#ifdef REPORT
            conf = 0; ex = cl[nc].off + 1;
#endif
#ifdef TIMER
            due = cl[nc].dl; stamp = cl[nc].la; cl[nc].dl = 0; cl[nc].la = 0;
#endif
#ifdef REPEAT
#ifndef M_IDSLOCAL                                              /* mutant: the ids are the process's, not the log's */
            w = cl[nc].seen; cl[nc].seen = 0;
#endif
#endif
#ifdef POISON
            owes = cl[nc].owed; cl[nc].owed = 0;
#endif
            cl[nc].n0 = 0; cl[nc].n1 = 0; cl[nc].d = 0;
            resume_from_group();
#ifdef OPEN
            goto opening
#else
            goto running
#endif
        :: else -> goto drop
        fi }
    :: atomic { failed[s] && STOP -> goto drop }
    :: atomic { FREEDROP -> SPEND; goto crash }
    od;
#ifdef OPEN
opening:
end_opening:
    do
    :: atomic { len(q[s]) < QCAP -> sq = 1; told = m1;
#ifdef V_TAG
        q[s]!ep,1,nc,cl[nc].off,POS | cl[nc].tag << 3,cl[nc].before;
#else
        q[s]!ep,1,nc,cl[nc].off,POS | POSITIONS(m0, m1),cl[nc].before;
#endif
        cl[nc].before = 0; cl[nc].off = 0; goto running }
    :: atomic { failed[s] && STOP -> goto drop }
    :: atomic { FREEDROP -> SPEND; goto crash }
    od;
#endif
running:
end_running:
    do
    :: atomic { m0 < N0 && len(q[s]) < QCAP -> snapshot(); TICK;
        sq++; q[s]!ep,sq,nc,CAUSE(0, m0),MORE | STAMPED,d; goto mid }
    :: atomic { m1 < ARRIVED && DECODES && len(q[s]) < QCAP -> snapshot(); TICK;
        if
        :: NOYIELD(1, m1)
        :: else -> sq++;
#if defined(REPEAT)
            q[s]!ep,sq,nc,CAUSE(1, m1),(w -> REP : 0),d; w = 1;
#else
            q[s]!ep,sq,nc,CAUSE(1, m1),STAMPED,d;
#endif
            d = MIX(d, CAUSE(1, m1), nc);
#ifdef TIMER
            if :: m1 == 0 -> due = 0 :: else fi;
#endif
        fi;
        m1++ }
#ifdef M_APPLYFIRST             /* mutant: the decision is applied, then the queue is full, and the record is let go */
    :: atomic { m1 < N1 && len(q[s]) == QCAP && !NOYIELD(1, m1) -> d = MIX(d, CAUSE(1, m1), nc); m1++ }
#endif
#ifdef OPEN
#if defined(M_PROGAHEAD)        /* mutant: Progress names an input that was read and not decided yet */
    :: atomic { m1 < N1 && told <= m1 && len(q[s]) < QCAP -> told = m1 + 1; sq++; q[s]!ep,sq,nc,0,POS | POSITIONS(m0, told),d }
#elif !defined(TRUNC)
    :: atomic { told < m1 && NOYIELD(1, m1 - 1) && len(q[s]) < QCAP ->
        told = m1; sq++; q[s]!ep,sq,nc,0,POS | POSITIONS(m0, m1),d }                          /* Progress */
#endif
#endif
#ifdef TIMER
    :: atomic { due > 0 && MAYASK -> ask = (CLK > 0 -> CLK : 1); b1 = av1 }
    :: atomic { due > 0 && MAYFIRE && len(q[s]) < QCAP -> TICK;
        sq++; q[s]!ep,sq,nc,CAUSE(2, DUE),STAMPED,d; d = MIX(d, CAUSE(2, DUE), nc); due = AFTER_TIMER(due) }
#endif
#ifdef POISON
#ifdef M_NOTRACE                /* mutant: a dead letter, and nothing in the log */
    :: atomic { m1 == 0 && v == 0 -> dlq = 1; m1++ }
#else
    :: atomic { m1 == 0 && v == 0 && len(q[s]) < QCAP ->
        sq++; q[s]!ep,sq,nc,CAUSE(1, 0),REJ,d; d = MIX(d, CAUSE(1, 0), nc); m1++; dls = sq }
    :: atomic { dls > 0 && MAYLEAVE -> CHECK(P16, rej); dlq = 1; dls = 0; wrote = 1 }
    :: atomic { owes -> dlq = 1; owes = 0; wrote = 1 }                           /* the original is read again, by its place */
    :: atomic { MAYNOTE && len(q[s]) < QCAP -> wrote = 0; sq++; q[s]!ep,sq,nc,0,NOTE,d }
#endif
#endif
#ifdef M_GROUPOFF
    :: atomic { group1 < m1 -> group1 = m1 }
#endif
#ifdef M_RETRY                  /* mutant: after a failed delivery go on in the same epoch from what is known to be in the log */
    :: atomic { failed[s] && s != NSESS && fE == ep && fW == nc && pn == 0 && len(q[s]) == 0 && claims < NSESS ->
        s = claims; claims++; sq = fS; m0 = n0; m1 = n1; d = D }
#endif
#ifndef M_NOFAIL
    :: atomic { failed[s] && STOP -> snapshot(); goto keep }
#endif
#ifdef REPORT
    :: atomic { nempty(rep[nc]) ->
        d_step { take_report() };
        if :: x_ok && STOP -> x_ok = 0; goto keep :: else -> x_ok = 0 fi }
    :: atomic { empty(rep[nc]) && conf == sq && ex != hw ->                     /* idle: the log's end is not where it should be */
        d_step { x_ok = 0; settle() };
        if :: x_ok && STOP -> x_ok = 0; goto keep :: else -> x_ok = 0 fi }
#else
#ifndef M_NOWATCH
    :: atomic { fE > ep && STOP -> snapshot(); goto keep }
#endif
#endif
    :: atomic { FREEDROP -> SPEND; snapshot(); goto crash }
    od;
mid:
end_midway:
    do
    :: atomic { len(q[s]) < QCAP ->
        sq++; q[s]!ep,sq,nc,CAUSE(0, m0),IDX1 | STAMPED,d; d = MIX(d, CAUSE(0, m0), nc); m0++;
#ifdef TIMER
        due = 1;
#endif
        goto running }
    :: atomic { failed[s] && STOP -> goto drop }
    :: atomic { FREEDROP -> SPEND; goto crash }
    od;
crash:
    atomic {
        has = 0;
#ifdef KEEP
        kP = 0; k0 = 0; k1 = 0; kd = 0;
#endif
        if
        :: skip                                                  /* batches in flight survive the process */
#ifdef LIVE                   /* purged with the process; without LIVE the same as never being appended */
        :: len(q[s]) > 0 -> do :: len(q[s]) > 0 -> q[s]?_,_,_,_,_,_ :: else -> break od
#endif
        fi;
        s = 0;
        goto drop
    };
keep:
#ifdef KEEP
    atomic { kP = PLACE(ep, sq); k0 = m0; k1 = m1; kd = d; goto drop };
#endif
drop:
    atomic { forget(); goto idle }
}

#ifdef READER
/* A reader (another processor, a projection) that stops and goes on from what it saved: offset, epoch, seq of what it delivered. */
active proctype Reader() {
    byte o, E, S, k, f, last;                                    /* k records pending, the first at f; last = 1 + last delivered */
    byte so, sE, sS, slast, rest = NREST, j;
end_reader:
    do
    :: d_step { o < hw ->
        if
        :: lg[o].sq == 0 -> if :: lg[o].ep == E + 1 -> E = lg[o].ep; S = 0; k = 0; f = 0 :: else fi
#if defined(M_ADOPT)            /* mutant: a reader that joins in the middle believes the first record it sees */
        :: lg[o].sq > 0 && (E == 0 || (lg[o].ep == E && lg[o].sq == S + 1)) -> E = lg[o].ep; S = lg[o].sq;
#elif defined(M_NOFENCE)        /* mutant: a reader without rule F */
        :: lg[o].sq > 0 -> E = lg[o].ep; S = lg[o].sq;
#else
        :: lg[o].sq > 0 && lg[o].ep == E && lg[o].sq == S + 1 -> S = lg[o].sq;
#endif
            if :: k == 0 -> f = o :: else fi;
            k++;
            if
            :: (lg[o].flg & MORE) == 0 ->                        /* deliver f .. o (records skipped between them are not ours) */
                if
                :: k == 2 -> j = last; do :: j < f -> CHECK(P7, !del[j]); j++ :: else -> break od;
                    CHECK(P7, del[f]); last = f + 1
                :: else
                fi;
                j = last; do :: j < o -> CHECK(P7, !del[j]); j++ :: else -> break od;        /* none missed */
                CHECK(P7, del[o] && o >= last); last = o + 1; j = 0; k = 0; f = 0            /* none twice, no ghost */
            :: else
            fi
        :: else
        fi;
        o++ }
    :: d_step { rest > 0 &&
#ifndef M_SAVEPEND              /* mutant: it saves where a decision is pending */
        k == 0 &&
#endif
        (so != o) -> so = o; sE = E; sS = S; slast = last }
    :: d_step { rest > 0 && k == 0 && last == o && o > 1 && (lg[(o > 0 -> o - 1 : 0)].flg & IDX1) ->  /* or in the middle of a DELIVERED one */
        j = o - 2; do :: !del[j] -> j-- :: else -> break od; so = j + 1; sE = E; sS = S - 1; slast = j + 1; j = 0 }
    :: d_step { rest > 0 && o != so -> rest--; o = so; last = slast; k = 0; f = 0;
#ifdef M_ADOPT
        E = 0; S = 0
#else
        E = sE; S = sS
#endif
        }
    od
}
#endif

#ifdef TRUNC
#ifdef V_TAG
#define IN_TAG (lg[x_i].who == x_w)
#else
#define IN_TAG 1
#endif
/* x_d = digest of what the first `upto` offsets of the log hold, by rule F. */
inline digest_of_log(upto) {
    x_i = 0; x_e = 0; x_s = 0; x_n = 0; x_c = 0; x_w = 0; x_d = 0;
    do
    :: x_i < upto ->
        if
        :: lg[x_i].sq == 0 && lg[x_i].ep == x_e + 1 -> x_e = lg[x_i].ep; x_s = 0; x_w = lg[x_i].who
        :: lg[x_i].sq > 0 && lg[x_i].ep == x_e && lg[x_i].sq == x_s + 1 && IN_TAG -> x_s = lg[x_i].sq;
            if
            :: (lg[x_i].flg & (MORE | POS)) == 0 -> x_d = MIX(x_d, lg[x_i].cau, lg[x_i].who)
            :: else
            fi
        :: else
        fi;
        x_i++
    :: else -> break
    od;
    x_i = 0; x_e = 0; x_s = 0; x_n = 0; x_c = 0; x_w = 0
}

/* A reader that has gone on from one end of the log to the next, whatever was cut off meanwhile. It stops at damage. Where its
 * offset is beyond the log's end a server would tell it; here it may as well not have asked in time. */
#define STOPPED 15
#ifdef V_TAG
#define SAME_TAG (lg[o].who == W)
#define SAME_BEFORE (lg[o].flg >> 3 == T)
#else
#define SAME_TAG 1
#define SAME_BEFORE 1
#endif
active proctype Witness() {
    byte o, E, S, C, B, rd;                                      /* C: offset of the Claim, B: what it held before; rd: its digest */
#ifdef V_TAG
    byte W, T;
#endif
end_witness:
    do
    :: d_step { E < STOPPED && o < hw ->
        if
        :: lg[o].sq == 0 && lg[o].ep == E + 1 ->
#ifdef V_CHAIN
            if :: S > 0 || E == 0 -> B = PLACE(E, S)
#ifdef V_TAG
                ; T = W
#endif
            :: else fi;
#else
            B = PLACE(E, S);
#ifdef V_TAG
            T = W;
#endif
#endif
            E = lg[o].ep; S = 0; C = o; o++
#ifdef V_TAG
            ; W = lg[C].who
#endif
        :: lg[o].sq == 0 && lg[o].ep > E + 1 -> E = STOPPED
        :: lg[o].sq > 0 && lg[o].ep > E -> E = STOPPED
#ifdef V_TAG
        :: lg[o].sq > 0 && lg[o].ep == E && lg[o].who != W -> E = STOPPED
#endif
        :: lg[o].sq > 0 && lg[o].sq == S + 1 && lg[o].ep == E && SAME_TAG ->
            S = lg[o].sq;
            if
            :: lg[o].flg & POS ->
                if
#ifndef M_NOOPEN                /* mutant: the Open is not compared with what was read */
                :: lg[o].cau != C || lg[o].pre != B || !SAME_BEFORE -> E = STOPPED
#endif
                :: else -> digest_of_log(C); CHECK(P10, dmg || x_d == rd); x_d = 0; C = 0; B = 0
#ifdef V_TAG
                    ; T = 0
#endif
                fi
            :: else -> if :: (lg[o].flg & MORE) == 0 -> rd = MIX(rd, lg[o].cau, lg[o].who) :: else fi
            fi;
            o++
        :: else -> o++
        fi;
        if
        :: E == STOPPED -> o = 0; S = 0; C = 0; B = 0; rd = 0
#ifdef V_TAG
            ; W = 0; T = 0
#endif
        :: else
        fi }
    od
}
#endif

#ifdef LIVE
active proctype Monitor() {
end_mon:
    timeout -> CHECK(P8, claims < NSESS); CHECK(P8, n0 == N0 && n1 == N1)
}
#endif

init { byte i = 0; atomic { do :: i < NOWN -> run Owner(i); i++ :: else -> break od } }
