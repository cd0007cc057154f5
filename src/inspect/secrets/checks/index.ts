import { atlassianServer } from './atlassian-server.ts';
import { awsAccessKey } from './aws-access-key.ts';
import { azureAnnotated } from './azure-annotated.ts';
import { azureKey } from './azure-key.ts';
import { basicAuth } from './basic-auth.ts';
import { bech32 } from './bech32.ts';
import type { Check } from './check.ts';
import { discordBot } from './discord-bot.ts';
import { entraSecret } from './entra-secret.ts';
import { githubCrc32 } from './github-crc32.ts';
import { githubFineGrained } from './github-fine-grained.ts';
import { gitlabRoutable } from './gitlab-routable.ts';
import { atlassianCrc32, bitbucketCrc32, grafanaCrc32 } from './hex-crc32.ts';
import { jfrogApiKey, jfrogReference } from './jfrog.ts';
import { grafanaApiKey, grafanaCloud, onePasswordService, sentryOrg } from './json-token.ts';
import { jwt, supabaseJwt } from './jwt.ts';
import { flyMacaroon, pypiMacaroon } from './macaroon.ts';
import { natsNkey } from './nats-nkey.ts';
import { base64Pem, pem, putty } from './pem.ts';

/** What a rule names in `check`. */
export const checks: Readonly<Record<string, Check>> = {
  'atlassian-crc32': atlassianCrc32,
  'atlassian-server': atlassianServer,
  'aws-access-key': awsAccessKey,
  'azure-annotated': azureAnnotated,
  'azure-key': azureKey,
  'base64-pem': base64Pem,
  'basic-auth': basicAuth,
  bech32,
  'bitbucket-crc32': bitbucketCrc32,
  'discord-bot': discordBot,
  'entra-secret': entraSecret,
  'fly-macaroon': flyMacaroon,
  'github-crc32': githubCrc32,
  'github-fine-grained': githubFineGrained,
  'gitlab-routable': gitlabRoutable,
  'grafana-api-key': grafanaApiKey,
  'grafana-cloud': grafanaCloud,
  'grafana-crc32': grafanaCrc32,
  'jfrog-api-key': jfrogApiKey,
  'jfrog-reference': jfrogReference,
  jwt,
  'nats-nkey': natsNkey,
  'onepassword-service': onePasswordService,
  pem,
  putty,
  'pypi-macaroon': pypiMacaroon,
  'sentry-org': sentryOrg,
  'supabase-jwt': supabaseJwt,
};
