// The door of launcher for the server: where its entry lies. Its code is never imported, only started.
import { builtFile } from '../core/index.ts';

/** The file that Node runs as the launcher, with a LaunchPlan as its only argument. */
export const launcherEntry: string = builtFile(import.meta.url, 'main.js');
