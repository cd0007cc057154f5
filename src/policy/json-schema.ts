import { z } from 'zod';
import { policySchema } from './schema.ts';

/** The JSON schema of policy files, for editors: made of the same source that policies are read with. */
export function policyJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(policySchema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      if (jsonSchema['oneOrMany'] !== true) return;
      const { oneOrMany: _mark, ...list } = jsonSchema;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      Object.assign(jsonSchema, { anyOf: [list.items ?? {}, list] });
    },
  });
  return { $schema, title: 'Refgate policy', ...schema };
}
