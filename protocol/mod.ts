/**
 * The wire protocol: frames, and the streams that turn bytes into frames and
 * frames into bytes. One frame is one line of JSON, which data may follow as it is.
 *
 * @example Both directions of a connection
 * ```ts
 * import {
 *   FrameDecoderStream,
 *   FrameWritableStream,
 *   type KnownFrame,
 *   RecordDecoderStream,
 * } from "@cocoonstack/agent/protocol";
 * import { assertEquals } from "@std/assert";
 *
 * const sent: KnownFrame[] = [
 *   { type: "exec", argv: ["uname", "-r"], env: {} },
 *   { type: "stdin_close" },
 * ];
 * const { readable, writable } = new TransformStream<Uint8Array>();
 * ReadableStream.from(sent).pipeTo(new FrameWritableStream(writable));
 * const received = readable
 *   .pipeThrough(new RecordDecoderStream())
 *   .pipeThrough(new FrameDecoderStream());
 * assertEquals(await Array.fromAsync(received), sent);
 * ```
 *
 * @module
 */

export * from "./encode_frame.ts";
export * from "./frame.ts";
export * from "./frame_decoder_stream.ts";
export * from "./frame_writable_stream.ts";
export * from "./line_decoder_stream.ts";
export * from "./parse_frame.ts";
export * from "./protocol_error.ts";
export * from "./record_decoder_stream.ts";
