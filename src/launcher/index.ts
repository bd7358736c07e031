// The door of launcher for the server: where its entry lies and how it says that it failed. Its code is never imported, only started.
import { fileURLToPath } from 'node:url';

/** The file that Node runs as the launcher, with a LaunchPlan as its only argument. From source it is the built one. */
export const launcherEntry: string = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/launcher/main.js' : './main.js', import.meta.url),
);
