/**
 * The wire protocol: frames, and the streams that turn bytes into frames and
 * frames into bytes. One frame is one line of JSON.
 *
 * @example Both directions of a connection
 * ```ts
 * import {
 *   FrameDecoderStream,
 *   FrameEncoderStream,
 *   type KnownFrame,
 *   LineDecoderStream,
 * } from "@cocoonstack/agent/protocol";
 * import { assertEquals } from "@std/assert";
 *
 * const sent: KnownFrame[] = [
 *   { type: "exec", argv: ["uname", "-r"], env: {} },
 *   { type: "stdin_close" },
 * ];
 * const received = ReadableStream.from(sent)
 *   .pipeThrough(new FrameEncoderStream())
 *   .pipeThrough(new LineDecoderStream())
 *   .pipeThrough(new FrameDecoderStream());
 * assertEquals(await Array.fromAsync(received), sent);
 * ```
 *
 * @module
 */

export * from "./encode_frame.ts";
export * from "./frame.ts";
export * from "./frame_decoder_stream.ts";
export * from "./frame_encoder_stream.ts";
export * from "./line_decoder_stream.ts";
export * from "./parse_frame.ts";
export * from "./protocol_error.ts";
