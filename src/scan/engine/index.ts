// The door of engine: reads hostile models. Only the process that is made for it imports this.
export { type ScanInProcessOptions, scanInProcess } from './scan-in-process.ts';
