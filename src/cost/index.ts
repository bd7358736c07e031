// The door of cost: what a request will cost, from what is known of the model and of its inputs, before anything runs.
export {
  type CostBound,
  type CostExpression,
  type CostGap,
  type CostModel,
  type CostOperation,
  type CostVariable,
  maxGaps,
  maxNodeCosts,
  type NodeCost,
  type SignatureCost,
} from './cost-model.ts';
export type { PredictedCost } from './predicted-cost.ts';
