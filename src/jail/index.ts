// The door of jail: what a worker may do, as commented data, and what turns it into the kernel's own formats. Pure: it calls nothing,
// so that the rules can be tested, and simulated for another processor, on any machine.
export type { LaunchPlan, PathRule, ResourceLimits } from './launch-plan.ts';
