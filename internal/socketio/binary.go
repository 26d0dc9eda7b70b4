package socketio

import "fmt"

// placeholder stands in the JSON where an attachment was taken out.
type placeholder struct {
	Placeholder bool `json:"_placeholder"`
	Num         int  `json:"num"`
}

// attachments are those received for one message, by the number that a
// placeholder has once JSON is decoded.
type attachments map[float64][]byte

// extract copies v with each byte slice moved to parts.
func extract(v any, parts *[][]byte) any {
	switch v := v.(type) {
	case []byte:
		*parts = append(*parts, v)
		return placeholder{Placeholder: true, Num: len(*parts) - 1}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = extract(v[i], parts)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = extract(v[k], parts)
		}
		return out
	default:
		return v
	}
}

// restore puts the attachments back into a decoded payload, in place. Each is
// used once: if a few bytes of placeholder could repeat it, a small message
// would unfold to a huge one when it is sent on.
func restore(v any, parts attachments) (any, error) {
	var err error
	switch v := v.(type) {
	case []any:
		for i := range v {
			if v[i], err = restore(v[i], parts); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if v["_placeholder"] == true {
			return pick(v["num"], parts)
		}
		for k := range v {
			if v[k], err = restore(v[k], parts); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func pick(num any, parts attachments) (any, error) {
	n, isNumber := num.(float64)
	part, there := parts[n]
	if !isNumber || !there {
		return nil, fmt.Errorf("%w: illegal placeholder", errMessage)
	}
	delete(parts, n)
	return part, nil
}
