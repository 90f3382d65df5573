package config

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsHandedOverArrivesToTheByte(t *testing.T) {
	t.Parallel()
	const secret = "\xff\xfe is not UTF-8, \" is a quote, <&> stay \u2028"
	fd, err := handOver(map[string][]byte{"JWT_SECRET": []byte(secret), "RPC_URL": []byte("http://node/key")})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"JWT_SECRET": secret, "RPC_URL": "http://node/key"}, receive(strconv.Itoa(fd)))

	for _, none := range []string{"", "x", "-1", "0", "2", "99999"} {
		require.Nil(t, receive(none), none)
	}
}
