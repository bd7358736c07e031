// The door of cost: what a request will cost, from what is known of the model and of its inputs, before anything runs.
export { checkCostModel } from './check-cost-model.ts';
export { costFormula, numberText } from './cost-formula.ts';
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
export { CostProgram, evaluateCost } from './cost-program.ts';
export { CostRates, type CostRatesReport, costUnits } from './cost-rates.ts';
export { type CostSample, type FittedRates, fitRates } from './fit-rates.ts';
export { ModelCosts } from './model-costs.ts';
export type { PredictedCost } from './predicted-cost.ts';
export { type NodeGroup, RequestCost } from './request-cost.ts';
export { type NodeTotals, SignatureCosts } from './signature-costs.ts';
