import { z } from 'zod';

/** `run.json` in the data folder: how the command line finds the server that runs. Mode 0600, removed at a clean stop. */
export const runStateSchema = z.object({ pid: z.number().int(), admin: z.string() });

export type RunState = z.infer<typeof runStateSchema>;
