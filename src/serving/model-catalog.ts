// All models of one server, by name. One model's trouble never reaches another: each has its own watcher and its own workers.
import { AirlockError, printable } from '../core/index.ts';
import { ServedModel, type ServedModelOptions } from './served-model.ts';

export class ModelCatalog {
  readonly #models: ReadonlyMap<string, ServedModel>;

  /** Names must be different from each other; the configuration has made sure of it. */
  constructor(models: readonly ServedModelOptions[]) {
    this.#models = new Map(models.map((options) => [options.name, new ServedModel(options)]));
  }

  get models(): readonly ServedModel[] {
    return [...this.#models.values()];
  }

  /** Starts all models side by side and waits until each has loaded its first versions or failed to. */
  async start(): Promise<void> {
    await Promise.all(this.models.map((model) => model.start()));
  }

  async close(): Promise<void> {
    await Promise.all(this.models.map((model) => model.close()));
  }

  /** @throws MODEL_NOT_FOUND */
  model(name: string): ServedModel {
    const model = this.#models.get(name);
    if (model === undefined)
      throw new AirlockError('MODEL_NOT_FOUND', { message: `Servable not found for request: Latest(${printable(name)})` });
    return model;
  }

  /** True when every model can take a request. */
  get ready(): boolean {
    return this.models.every((model) => model.ready);
  }
}
