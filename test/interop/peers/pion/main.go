// peer: a pion client of depthcast. `peer -mode whip|whep|ws -url URL -name STREAM -codec vp8|h264|vp9|av1|h265 [-clip FILE] [-data] [-audio]`
// prints one JSON object a line, its counts so far, until its standard input ends.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

var (
	mode  = flag.String("mode", "whip", "whip, whep or ws")
	base  = flag.String("url", "", "base URL of the server")
	name  = flag.String("name", "pion", "stream")
	codec = flag.String("codec", "vp8", "vp8, vp9, av1, h264 or h265")
	clip  = flag.String("clip", "", "encoded frames, each behind its length (u32, little endian), played in a loop")
	fps   = flag.Int("fps", 15, "frames a second of the clip")
	data  = flag.Bool("data", false, "open the data channel depth")
	audio = flag.Bool("audio", false, "offer an audio section before the video")
	lite  = flag.Bool("lite", false, "be an ICE lite peer")
)

var mimes = map[string]string{
	"vp8": webrtc.MimeTypeVP8, "vp9": webrtc.MimeTypeVP9, "av1": webrtc.MimeTypeAV1, "h264": webrtc.MimeTypeH264, "h265": webrtc.MimeTypeH265,
}
var formats = map[string]string{
	"vp9": "profile-id=0", "h264": "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
}

type counts struct {
	mu        sync.Mutex
	Connected bool   `json:"connected"`
	Sent      int    `json:"sent"`
	Track     int    `json:"track"`
	Depth     int    `json:"depth"`
	Width     int    `json:"width,omitempty"`
	Height    int    `json:"height,omitempty"`
	Nack      int    `json:"nack"`
	Pli       int    `json:"pli"`
	Error     string `json:"error,omitempty"`
}

var seen counts

func (c *counts) print() {
	c.mu.Lock()
	line, _ := json.Marshal(c)
	c.mu.Unlock()
	fmt.Println(string(line))
}

func (c *counts) change(f func()) {
	c.mu.Lock()
	f()
	c.mu.Unlock()
}

func check(err error) {
	if err == nil {
		return
	}
	seen.change(func() { seen.Error = err.Error() })
	seen.print()
	os.Exit(1)
}

func newPeer() *webrtc.PeerConnection {
	engine := &webrtc.MediaEngine{}
	capability := webrtc.RTPCodecCapability{MimeType: mimes[*codec], ClockRate: 90000, SDPFmtpLine: formats[*codec],
		RTCPFeedback: []webrtc.RTCPFeedback{{Type: "goog-remb"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}}
	rtx := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=96"}
	opus := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	check(engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: capability, PayloadType: 96}, webrtc.RTPCodecTypeVideo))
	check(engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: rtx, PayloadType: 97}, webrtc.RTPCodecTypeVideo))
	check(engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: opus, PayloadType: 111}, webrtc.RTPCodecTypeAudio))
	registry := &interceptor.Registry{}
	check(webrtc.RegisterDefaultInterceptors(engine, registry))
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetLite(*lite)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	check(err)
	return pc
}

// countTrack counts the frames of the gray track by their last packets, and reads its size where it is VP8.
func countTrack(track *webrtc.TrackRemote) {
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if *codec == "vp8" {
			readSize(packet.Payload)
		}
		if packet.Marker {
			seen.change(func() { seen.Track++ })
		}
	}
}

// readSize takes the size out of a VP8 keyframe's first packet (RFC 6386, section 9.1).
func readSize(payload []byte) {
	var packet codecs.VP8Packet
	frame, err := packet.Unmarshal(payload)
	if err != nil || packet.S != 1 || packet.PID != 0 || len(frame) < 10 || frame[0]&1 != 0 {
		return
	}
	side := func(at int) int { return int(binary.LittleEndian.Uint16(frame[at:]) & 0x3fff) }
	seen.change(func() { seen.Width, seen.Height = side(6), side(8) })
}

// countDepth counts whole depth packets (docs/protocol.md, "Chunks").
func countDepth(channel *webrtc.DataChannel) {
	pieces := map[uint32]int{}
	channel.OnMessage(func(message webrtc.DataChannelMessage) {
		if len(message.Data) < 16 || string(message.Data[:2]) != "DC" {
			check(errors.New("a message that is no depth packet"))
		}
		sequence, count := binary.LittleEndian.Uint32(message.Data[4:]), binary.LittleEndian.Uint16(message.Data[10:])
		pieces[sequence]++
		if pieces[sequence] == int(count) {
			delete(pieces, sequence)
			seen.change(func() { seen.Depth++ })
		}
	})
}

func readClip() [][]byte {
	file, err := os.Open(*clip)
	check(err)
	defer file.Close()
	reader := bufio.NewReader(file)
	var frames [][]byte
	for {
		var length uint32
		if err := binary.Read(reader, binary.LittleEndian, &length); errors.Is(err, io.EOF) {
			return frames
		} else {
			check(err)
		}
		frame := make([]byte, length)
		_, err := io.ReadFull(reader, frame)
		check(err)
		frames = append(frames, frame)
	}
}

func play(track *webrtc.TrackLocalStaticSample, sender *webrtc.RTPSender) {
	go func() {
		for {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, packet := range packets {
				switch packet := packet.(type) {
				case *rtcp.PictureLossIndication:
					seen.change(func() { seen.Pli++ })
				case *rtcp.TransportLayerNack:
					seen.change(func() { seen.Nack += len(packet.Nacks) })
				}
			}
		}
	}()
	frames := readClip()
	interval := time.Second / time.Duration(*fps)
	start := time.Now()
	for n := 0; ; n++ {
		time.Sleep(time.Until(start.Add(time.Duration(n) * interval)))
		if track.WriteSample(media.Sample{Data: frames[n%len(frames)], Duration: interval}) != nil {
			return
		}
		seen.change(func() { seen.Sent++ })
	}
}

// overHTTP sends the offer of WHIP or WHEP; the function that it returns ends the session.
func overHTTP(sdp string) (string, func()) {
	response, err := http.Post(*base+"/"+*mode+"/"+*name, "application/sdp", strings.NewReader(sdp))
	check(err)
	body, err := io.ReadAll(response.Body)
	check(err)
	if response.StatusCode != http.StatusCreated {
		check(fmt.Errorf("%d %s", response.StatusCode, body))
	}
	location := response.Header.Get("Location")
	return string(body), func() {
		request, _ := http.NewRequest(http.MethodDelete, *base+location, nil)
		if answer, err := http.DefaultClient.Do(request); err == nil {
			answer.Body.Close()
		}
	}
}

func overWebSocket(sdp string) (string, func()) {
	socket, _, err := websocket.DefaultDialer.Dial(strings.Replace(*base, "http", "ws", 1)+"/ws", nil)
	check(err)
	check(socket.WriteJSON(map[string]any{"type": "hello", "protocol": 1, "client": "pion"}))
	check(socket.WriteJSON(map[string]any{"type": "offer", "sdp": sdp, "output": map[string]string{"track": "gray", "data": "u16"}}))
	answer := make(chan string, 1)
	go func() {
		for {
			var message struct{ Type, Sdp, Code, Message string }
			if socket.ReadJSON(&message) != nil {
				return
			}
			if message.Type == "answer" {
				answer <- message.Sdp
			} else if message.Type == "error" {
				seen.change(func() { seen.Error = message.Code + ": " + message.Message })
			}
		}
	}()
	select {
	case got := <-answer:
		return got, func() { _ = socket.WriteJSON(map[string]string{"type": "bye"}); time.Sleep(50 * time.Millisecond) }
	case <-time.After(10 * time.Second):
		check(errors.New("no answer"))
	}
	return "", nil
}

func main() {
	flag.Parse()
	pc := newPeer()
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { countTrack(track) })
	connected := make(chan struct{})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			seen.change(func() {
				if !seen.Connected {
					close(connected)
				}
				seen.Connected = true
			})
		case webrtc.PeerConnectionStateFailed:
			check(errors.New("the connection failed"))
		}
	})
	if *audio {
		direction := webrtc.RTPTransceiverDirectionSendonly
		if *mode == "whep" {
			direction = webrtc.RTPTransceiverDirectionRecvonly
		}
		_, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: direction})
		check(err)
	}
	if *mode == "whep" {
		_, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		check(err)
	} else {
		track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mimes[*codec]}, "video", "pion")
		check(err)
		direction := webrtc.RTPTransceiverDirectionSendonly
		if *mode == "ws" {
			direction = webrtc.RTPTransceiverDirectionSendrecv
		}
		transceiver, err := pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: direction})
		check(err)
		go func() { <-connected; play(track, transceiver.Sender()) }()
	}
	if *data {
		ordered, retransmits := false, uint16(0)
		channel, err := pc.CreateDataChannel("depth", &webrtc.DataChannelInit{Ordered: &ordered, MaxRetransmits: &retransmits})
		check(err)
		countDepth(channel)
	}
	offer, err := pc.CreateOffer(nil)
	check(err)
	gathered := webrtc.GatheringCompletePromise(pc)
	check(pc.SetLocalDescription(offer))
	<-gathered
	exchange := overHTTP
	if *mode == "ws" {
		exchange = overWebSocket
	}
	answer, end := exchange(pc.LocalDescription().SDP)
	check(pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	go func() {
		for range time.Tick(200 * time.Millisecond) {
			seen.print()
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
	end()
	_ = pc.Close()
	seen.print()
}
