import express, { type RequestHandler } from 'express';

const kib = 1024;
const bodyMs = 30_000;

/** Not compressed: no browser compresses forms. */
const parser = (limit: number) => express.urlencoded({ extended: false, inflate: false, limit });
const small = parser(64 * kib);
/** Drafts of a policy are sent whole. */
const large = parser(1024 * kib);

/** Reads a form into `request.body`: at most 64 KiB, or 1 MiB below `/policy`, in 30 s. */
export const readForm: RequestHandler = (request, response, next) => {
  const timer = setTimeout(() => request.destroy(), bodyMs);
  const parse = /^\/policy(\/|$)/.test(request.path) ? large : small;
  parse(request, response, (error?: unknown) => {
    clearTimeout(timer);
    next(error);
  });
};
