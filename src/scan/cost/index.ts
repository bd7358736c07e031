// The door of cost: what a request to a model will cost, worked out from its graph alone.
export { costOfProgram } from './cost-of-program.ts';
