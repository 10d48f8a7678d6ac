#include "sim.h"
#include "base/planted.h"
enum ds_planted ds_planted;
int sim_planted_off(void) { int was = (int)ds_planted; ds_planted = DS_PLANTED_NOTHING; return was; }
void sim_planted_on(int was) { ds_planted = (enum ds_planted)was; }
