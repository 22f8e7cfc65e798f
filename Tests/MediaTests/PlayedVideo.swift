import CFFmpeg
import Foundation
import Media

/// A video's file as a player has it: when each frame is shown, and when each sample is heard.
struct PlayedVideo {
    /// Seconds and mean brightness, 0 to 255, of every frame.
    private(set) var frames: [(time: Double, brightness: Double)] = []
    /// Seconds and the first channel of every sample.
    private(set) var samples: [(time: Double, value: Float)] = []

    private struct Failure: Error { let what: String }

    /// Decodes both streams of a file.
    init(_ path: String) throws {
        var opened: UnsafeMutablePointer<AVFormatContext>?
        guard avformat_open_input(&opened, "file:\(path)", nil, nil) >= 0, let file = opened else {
            throw Failure(what: "open")
        }
        defer { avformat_close_input(&opened) }
        guard avformat_find_stream_info(file, nil) >= 0 else { throw Failure(what: "streams") }
        var decoders: [Int32: UnsafeMutablePointer<AVCodecContext>] = [:]
        defer {
            for decoder in decoders.values {
                var decoder: UnsafeMutablePointer<AVCodecContext>? = decoder
                avcodec_free_context(&decoder)
            }
        }
        for index in 0..<Int32(file.pointee.nb_streams) {
            let stream = try Self.stream(index, of: file)
            guard let decoder = avcodec_alloc_context3(avcodec_find_decoder(stream.pointee.codecpar.pointee.codec_id))
            else { throw Failure(what: "decoder") }
            decoders[index] = decoder
            avcodec_parameters_to_context(decoder, stream.pointee.codecpar)
            decoder.pointee.pkt_timebase = stream.pointee.time_base
            guard avcodec_open2(decoder, nil, nil) >= 0 else { throw Failure(what: "codec") }
        }
        var packet = av_packet_alloc()
        defer { av_packet_free(&packet) }
        while av_read_frame(file, packet) >= 0 {
            guard let packet, let decoder = decoders[packet.pointee.stream_index] else { continue }
            avcodec_send_packet(decoder, packet)
            try receive(decoder, Self.stream(packet.pointee.stream_index, of: file))
            av_packet_unref(packet)
        }
        for (index, decoder) in decoders {
            avcodec_send_packet(decoder, nil)
            try receive(decoder, Self.stream(index, of: file))
        }
    }

    private static func stream(_ index: Int32, of file: UnsafeMutablePointer<AVFormatContext>) throws
        -> UnsafeMutablePointer<AVStream>
    {
        guard let stream = file.pointee.streams[Int(index)] else { throw Failure(what: "stream \(index)") }
        return stream
    }

    /// Takes what a decoder has.
    private mutating func receive(
        _ decoder: UnsafeMutablePointer<AVCodecContext>, _ stream: UnsafeMutablePointer<AVStream>
    ) throws {
        var allocated = av_frame_alloc()
        defer { av_frame_free(&allocated) }
        let base = stream.pointee.time_base
        while let frame = allocated, avcodec_receive_frame(decoder, frame) >= 0 {
            let time = Double(frame.pointee.best_effort_timestamp) * Double(base.num) / Double(base.den)
            guard let plane = frame.pointee.extended_data[0] else { throw Failure(what: "frame") }
            if decoder.pointee.codec_type == AVMEDIA_TYPE_VIDEO {
                let (width, height) = (Int(frame.pointee.width), Int(frame.pointee.height))
                let rows = (0..<height).map { row in
                    (0..<width).reduce(0) { $0 + Int(plane[row * Int(frame.pointee.linesize.0) + $1]) }
                }
                frames.append((time, Double(rows.reduce(0, +)) / Double(width * height)))
                continue
            }
            let kind = AVSampleFormat(rawValue: frame.pointee.format)
            guard kind == AV_SAMPLE_FMT_FLTP || kind == AV_SAMPLE_FMT_FLT else { throw Failure(what: "samples") }
            let step = kind == AV_SAMPLE_FMT_FLTP ? 1 : Int(frame.pointee.ch_layout.nb_channels)
            plane.withMemoryRebound(to: Float.self, capacity: Int(frame.pointee.nb_samples) * step) { values in
                for number in 0..<Int(frame.pointee.nb_samples) {
                    let seconds = time + Double(number) / Double(frame.pointee.sample_rate)
                    samples.append((seconds, values[number * step]))
                }
            }
        }
    }
}
