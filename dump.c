#include "/work/main/core/src/block_types.h"
#include <stdio.h>
#include <math.h>
static void num(double v){ if(isnan(v))printf("NaN"); else if(isinf(v))printf(v>0?"Infinity":"-Infinity"); else printf("%.17g",v);}
static void str(const char*s){ if(!s){printf("null");return;} putchar('"'); for(;*s;s++){ if(*s=='"'||*s=='\\')putchar('\\'); putchar(*s);} putchar('"');}
static void ports(const struct hil_port*p,int n){ printf("["); for(int i=0;i<n;i++){ if(i)printf(","); printf("{\"name\":");str(p[i].name);printf(",\"doc\":");str(p[i].doc);printf(",\"preset\":");num(p[i].preset);printf("}");} printf("]");}
static void dump(const struct hil_block_type*t){
 printf("{\"name\":");str(t->name);printf(",\"doc\":");str(t->doc);
 printf(",\"inputs\":");ports(t->inputs,t->n_inputs);printf(",\"outputs\":");ports(t->outputs,t->n_outputs);
 printf(",\"params\":[");for(int i=0;i<t->n_params;i++){const struct hil_param*p=t->params+i;if(i)printf(",");printf("{\"name\":");str(p->name);printf(",\"doc\":");str(p->doc);printf(",\"preset\":");num(p->preset);printf(",\"min\":");num(p->min);printf(",\"max\":");num(p->max);printf("}");}
 printf("],\"config\":[");for(int i=0;i<t->n_config;i++){const struct hil_config*p=t->config+i;if(i)printf(",");printf("{\"name\":");str(p->name);printf(",\"doc\":");str(p->doc);printf(",\"choices\":");str(p->choices);printf(",\"min_n\":%u,\"max_n\":%u,\"preset\":",p->min_n,p->max_n);num(p->preset);printf("}");}
 printf("],\"states\":[");for(int i=0;i<t->n_states;i++){if(i)printf(",");str(t->states[i]);}
 printf("],\"variadic\":%s,\"feedthrough\":%s,\"variadic_out\":%s}",t->variadic?"true":"false",t->feedthrough?"true":"false",t->variadic_out?"true":"false");}
int main(void){const struct hil_block_type*all[]={&hil_type_constant,&hil_type_step,&hil_type_ramp,&hil_type_sine,&hil_type_square,&hil_type_pulse,&hil_type_chirp,&hil_type_noise,&hil_type_playback,&hil_type_gain,&hil_type_sum,&hil_type_product,&hil_type_abs,&hil_type_min,&hil_type_max,&hil_type_limit,&hil_type_rate_limit,&hil_type_dead_band,&hil_type_quantise,&hil_type_register,&hil_type_delay,&hil_type_lag,&hil_type_second_order,&hil_type_transfer_function,&hil_type_state_space,&hil_type_state_space_strict,&hil_type_integrator,&hil_type_derivative,&hil_type_moving_average,&hil_type_lookup_1d,&hil_type_lookup_2d,&hil_type_comparator,&hil_type_logic,&hil_type_on_delay,&hil_type_off_delay,&hil_type_counter,&hil_type_latch,&hil_type_edge,&hil_type_selector,&hil_type_pid,&hil_type_model};printf("[");for(unsigned i=0;i<sizeof all/sizeof*all;i++){if(i)printf(",\n");dump(all[i]);}printf("]\n");return 0;}
